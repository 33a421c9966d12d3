// The few things only a browser can do: colours, the menu, focus after navigation, session end, table cells.
(function () {
  "use strict";

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.patchbay = {
    toggleTheme: function (clicks) {
      if (!clicks) return [window.dash_clientside.no_update, window.dash_clientside.no_update];
      var root = document.documentElement;
      var scheme = root.getAttribute("data-mantine-color-scheme") === "dark" ? "light" : "dark";
      document.cookie = "patchbay_theme=" + scheme + "; path=/; max-age=31536000; samesite=lax";
      var button = document.getElementById("theme-toggle");
      if (button) button.setAttribute("aria-label", "Switch to " + (scheme === "dark" ? "light" : "dark") + " colours");
      return [scheme, scheme];
    },

    toggleMenu: function (opened) {
      var byUser = window.dash_clientside.callback_context.triggered.some(function (t) {
        return t.prop_id === "burger.opened";
      });
      return [{ width: 216, breakpoint: "sm", collapsed: { mobile: !(byUser && opened) } }];
    },

    arrive: function () {
      window.setTimeout(function () {
        var heading = document.querySelector("#page h1");
        document.title = heading ? heading.textContent + " – Patchbay" : "Patchbay";
        if (window.patchbayArrived && heading) {
          document.getElementById("main").focus({ preventScroll: true });
          window.scrollTo(0, 0);
        }
        window.patchbayArrived = true;
      }, 0);
      return [Date.now()];
    },
  };

  // A session that ended while the page was open leads to the login page, and back here after it.
  // Logging out ends it too: what was still being asked then is refused, and must not lead back here.
  var leaving = false;
  document.addEventListener("submit", function () {
    leaving = true;
  });
  var fetched = window.fetch;
  window.fetch = function () {
    return fetched.apply(this, arguments).then(function (response) {
      if (response.status === 401 && response.url.indexOf("/_dash") !== -1) {
        var here = window.location.pathname + window.location.search;
        if (!leaving) window.location.assign("/login?next=" + encodeURIComponent(here));
        return new Promise(function () {});
      }
      return response;
    });
  };

  function go(href) {
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  var cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  cells.PageLink = function (props) {
    var href = props.data && props.data[props.href];
    if (!href) return props.value === null ? "–" : props.value;
    var follow = function (event) {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      go(href);
    };
    return React.createElement("a", { href: href, onClick: follow, tabIndex: -1 }, props.value);
  };

  cells.Badge = function (props) {
    if (props.value === null || props.value === undefined) return "";
    return React.createElement("span", { className: "badge " + (props.tones[props.value] || "plain") }, props.value);
  };

  // Enter on a table cell follows its link, so a table is walked with the arrow keys alone.
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || !event.target.classList || !event.target.classList.contains("ag-cell")) return;
    var link = event.target.querySelector("a");
    if (link) link.click();
  });
})();
