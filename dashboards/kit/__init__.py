"""The thin kit every page is made of: cards, filters in the URL, figures, tables, theme."""
