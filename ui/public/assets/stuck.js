// Not a module and in old JavaScript, so that it also runs where the page's module does not.
(function () {
  var stuck = document.getElementById("stuck");
  function show() {
    stuck.className = "shown";
  }
  addEventListener("error", show, true);
  addEventListener("unhandledrejection", show);
  var tags = navigator.languages.concat("en");
  var own = null;
  for (var i = 0; !own; i += 1) own = stuck.querySelector('[lang="' + tags[i].toLowerCase().split("-")[0].replace(/^n[no]$/, "nb") + '"]');
  stuck.replaceChildren(own);
})();
