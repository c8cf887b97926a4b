package app.flexconnect.employee

import android.webkit.WebView
import androidx.appcompat.app.AppCompatActivity

/** Made by Tauri, of its template and wry's. */
abstract class TauriActivity : AppCompatActivity() {
  open fun onWebViewCreate(webView: WebView) {}
}

/** Made of the resources. */
object R {
  object color {
    const val background = 0
  }
}
