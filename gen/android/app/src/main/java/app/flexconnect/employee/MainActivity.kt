package app.flexconnect.employee

import android.content.Context
import android.content.RestrictionsManager
import android.content.res.Configuration
import android.os.Bundle
import android.system.Os
import android.webkit.WebView
import androidx.activity.enableEdgeToEdge
import androidx.core.content.ContextCompat
import androidx.core.graphics.Insets
import androidx.core.view.ViewCompat
import androidx.core.view.WindowInsetsCompat
import androidx.core.view.updatePadding
import androidx.webkit.ScriptHandler
import androidx.webkit.WebViewCompat
import androidx.webkit.WebViewFeature

/** Tauri handles Back: it goes back in the page's history (ui/src/navigation.ts) and leaves the app at its start. */
class MainActivity : TauriActivity() {
  private var webView: WebView? = null
  private var atDocumentStart: ScriptHandler? = null
  private var safeArea = ""

  override fun onCreate(savedInstanceState: Bundle?) {
    enableEdgeToEdge()
    setServerFromManagedConfig()
    super.onCreate(savedInstanceState)
    followInsets()
  }

  /** Rust reads the environment once at start; `super.onCreate` loads its library. */
  private fun setServerFromManagedConfig() {
    // A second activity in the same process: Rust's threads may be reading the environment.
    if (Os.getenv(SERVER) != null) return
    val restrictions = getSystemService(Context.RESTRICTIONS_SERVICE) as RestrictionsManager
    val server = restrictions.applicationRestrictions?.getString("server")
    if (!server.isNullOrBlank()) Os.setenv(SERVER, server, true)
  }

  override fun onWebViewCreate(webView: WebView) {
    this.webView = webView
    // After wry, which sets the colour of tauri.conf.json in both themes.
    webView.post { webView.setBackgroundColor(ContextCompat.getColor(this, R.color.background)) }
    setSafeArea()
  }

  override fun onConfigurationChanged(newConfig: Configuration) {
    super.onConfigurationChanged(newConfig)
    // The theme may have changed, and the icons of the system bars with it.
    enableEdgeToEdge()
    webView?.setBackgroundColor(ContextCompat.getColor(this, R.color.background))
  }

  /** The page draws under the system bars and pads itself; the keyboard shrinks it. */
  private fun followInsets() {
    ViewCompat.setOnApplyWindowInsetsListener(findViewById(android.R.id.content)) { content, insets ->
      val bars = insets.getInsets(WindowInsetsCompat.Type.systemBars() or WindowInsetsCompat.Type.displayCutout())
      val keyboard = insets.getInsets(WindowInsetsCompat.Type.ime())
      content.updatePadding(bottom = keyboard.bottom)
      val bottom = if (keyboard.bottom > 0) 0 else bars.bottom
      val density = resources.displayMetrics.density
      fun css(side: String, pixels: Int) = "--safe-$side:${pixels / density}px;"
      safeArea = css("top", bars.top) + css("right", bars.right) + css("bottom", bottom) + css("left", bars.left)
      setSafeArea()
      // Otherwise a web view that supports keyboard insets would pad a second time.
      WindowInsetsCompat.Builder(insets).setInsets(WindowInsetsCompat.Type.ime(), Insets.NONE).build()
    }
  }

  /**
   * Passes the insets as CSS variables to the current page and the next one: web views below version 140 report every safe
   * area as 0. A constructed style sheet is allowed by the page's CSP.
   */
  private fun setSafeArea() {
    val webView = webView ?: return
    if (safeArea.isEmpty()) return
    val script =
      "{const s=new CSSStyleSheet();s.replaceSync(':root{$safeArea}');document.adoptedStyleSheets=[s]}"
    webView.evaluateJavascript(script, null)
    if (WebViewFeature.isFeatureSupported(WebViewFeature.DOCUMENT_START_SCRIPT)) {
      atDocumentStart?.remove()
      atDocumentStart = WebViewCompat.addDocumentStartJavaScript(webView, script, setOf(PAGE))
    }
  }

  private companion object {
    /** Read by src-tauri/src/launch.rs. */
    const val SERVER = "FLEX_CONNECT_SERVER"
    const val PAGE = "http://tauri.localhost"
  }
}
