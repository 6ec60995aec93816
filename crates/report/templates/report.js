// Comfort only: the page is complete without it. Opens what a link or the printer asks for.
(function () {
  function open(element) {
    for (var d = element; d; d = d.parentElement) if (d.tagName === "DETAILS") d.open = true;
  }
  function follow() {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    var details = target && target.querySelector("details");
    if (details) { open(details); target.scrollIntoView(); }
  }
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (d) { d.open = true; });
  });
  follow();
})();
