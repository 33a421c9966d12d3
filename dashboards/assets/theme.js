// Before the first paint: the chosen colours, or on a first visit those of the operating system.
(function () {
  "use strict";
  var found = /(?:^|; )patchbay_theme=(light|dark)/.exec(document.cookie);
  var scheme = found ? found[1] : window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  if (!found) {
    document.cookie = "patchbay_theme=" + scheme + "; path=/; max-age=31536000; samesite=lax";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
})();
