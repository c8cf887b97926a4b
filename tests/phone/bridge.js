// Stands in for Tauri's own script: the page's calls go to bridge.rs.
(function () {
  Object.freeze(Object.prototype);
  var callbacks = {};
  var count = 0;
  function listen(handler) {
    new EventSource("/bridge/changed").onmessage = function (event) {
      callbacks[handler]({ payload: JSON.parse(event.data) });
    };
    return Promise.resolve(1);
  }
  function call(command, payload) {
    return fetch("/bridge/" + command, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(payload || {}),
    }).then(function (response) {
      return response.json().then(function (result) {
        if (result.Err) throw result.Err;
        return result.Ok;
      });
    });
  }
  window.__TAURI_INTERNALS__ = {
    transformCallback: function (callback) {
      count += 1;
      callbacks[count] = callback;
      return count;
    },
    invoke: function (command, payload) {
      if (command === "plugin:event|listen") return listen(payload.handler);
      // Android's back. Without a listener it leaves the app.
      if (command === "plugin:app|register_listener") {
        window.systemBack = callbacks[payload.handler.split(":")[1]];
        return Promise.resolve();
      }
      if (command === "plugin:app|remove_listener") {
        window.systemBack = null;
        return Promise.resolve();
      }
      return call(command, payload);
    },
  };
})();
