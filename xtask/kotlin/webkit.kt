package androidx.webkit

import android.webkit.WebView

abstract class ScriptHandler {
  abstract fun remove()
}

object WebViewFeature {
  const val DOCUMENT_START_SCRIPT = "DOCUMENT_START_SCRIPT"

  @JvmStatic fun isFeatureSupported(feature: String): Boolean = false
}

object WebViewCompat {
  @JvmStatic
  fun addDocumentStartJavaScript(webview: WebView, script: String, allowedOriginRules: Set<String>): ScriptHandler =
    throw UnsupportedOperationException()
}
