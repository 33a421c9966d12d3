"""`python -m patchbay.cli` is `patchbay`."""

from patchbay.cli import main

if __name__ == "__main__":
    main()
