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

/** The one activity. Back is Tauri's: it goes back in the page's history, which ui/src/way.ts keeps, and leaves at its end. */
class MainActivity : TauriActivity() {
  private var webView: WebView? = null
  private var atDocumentStart: ScriptHandler? = null
  private var safeArea = ""

  override fun onCreate(savedInstanceState: Bundle?) {
    enableEdgeToEdge()
    takeServerOfTheCompany()
    super.onCreate(savedInstanceState)
    followInsets()
  }

  /** Rust reads the environment once, when the program starts; its library is loaded by `super.onCreate`. */
  private fun takeServerOfTheCompany() {
    // Another activity of a program that runs already: Rust's threads may read the environment while it would change.
    if (Os.getenv(SERVER) != null) return
    val restrictions = getSystemService(Context.RESTRICTIONS_SERVICE) as RestrictionsManager
    val server = restrictions.applicationRestrictions?.getString("server")
    if (!server.isNullOrBlank()) Os.setenv(SERVER, server, true)
  }

  override fun onWebViewCreate(webView: WebView) {
    this.webView = webView
    // After wry, which sets the one colour of tauri.conf.json whether it is day or night.
    webView.post { webView.setBackgroundColor(ContextCompat.getColor(this, R.color.background)) }
    tellThePage()
  }

  override fun onConfigurationChanged(newConfig: Configuration) {
    super.onConfigurationChanged(newConfig)
    // Day or night may have changed, and the icons of the system bars with it.
    enableEdgeToEdge()
    webView?.setBackgroundColor(ContextCompat.getColor(this, R.color.background))
  }

  /** The page draws under the system bars and keeps clear of them by itself; the keyboard makes it smaller. */
  private fun followInsets() {
    ViewCompat.setOnApplyWindowInsetsListener(findViewById(android.R.id.content)) { content, insets ->
      val bars = insets.getInsets(WindowInsetsCompat.Type.systemBars() or WindowInsetsCompat.Type.displayCutout())
      val keyboard = insets.getInsets(WindowInsetsCompat.Type.ime())
      content.updatePadding(bottom = keyboard.bottom)
      val bottom = if (keyboard.bottom > 0) 0 else bars.bottom
      val density = resources.displayMetrics.density
      fun css(side: String, pixels: Int) = "--safe-$side:${pixels / density}px;"
      safeArea = css("top", bars.top) + css("right", bars.right) + css("bottom", bottom) + css("left", bars.left)
      tellThePage()
      // Or a web view that knows the keyboard would leave room for it a second time.
      WindowInsetsCompat.Builder(insets).setInsets(WindowInsetsCompat.Type.ime(), Insets.NONE).build()
    }
  }

  /**
   * The insets as CSS variables, for the page that stands and for the next one: web views below version 140 say that
   * every safe area is 0. A style sheet of the document needs no element, and the page's CSP has nothing against it.
   */
  private fun tellThePage() {
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
    /** Read by src-tauri/src/start.rs. */
    const val SERVER = "FLEX_CONNECT_SERVER"
    const val PAGE = "http://tauri.localhost"
  }
}
