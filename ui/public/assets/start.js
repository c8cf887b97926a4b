// Not a module and in the oldest JavaScript, so that it also runs in an engine that cannot run the page's module. It starts the
// module, or says what to update.
(function () {
  /** :is came with the oldest Chromium of engines.json; test/engines.test.ts compares them. The oldest iOS has it. */
  var runs = window.CSS && CSS.supports && CSS.supports("selector(:is(a))");
  var message = document.getElementById(runs ? "stuck" : "outdated");

  function keepDeviceLanguage() {
    var tags = (navigator.languages || [navigator.language]).concat("en");
    var own = null;
    for (var i = 0; !own; i += 1) {
      var language = String(tags[i]).toLowerCase().split(/[^a-z]/)[0].replace(/^n[no]$/, "nb");
      for (var one = message.firstElementChild; one; one = one.nextElementSibling) if (one.lang === language) own = one;
    }
    while (message.firstChild) message.removeChild(message.firstChild);
    message.appendChild(own);
    return own;
  }

  var own = keepDeviceLanguage();
  if (!runs) {
    own.removeChild(own.querySelector(/Android/.test(navigator.userAgent) ? ".other" : ".android"));
    while (message.previousElementSibling) message.parentNode.removeChild(message.previousElementSibling);
    message.hidden = false;
    return;
  }
  message.parentNode.removeChild(document.getElementById("outdated"));
  function show() {
    message.className = "shown";
  }
  addEventListener("error", show, true);
  addEventListener("unhandledrejection", show);
  // Set by the parser, because the policy lets no script set the address of another.
  document.body.appendChild(document.getElementById("module").content);
})();
