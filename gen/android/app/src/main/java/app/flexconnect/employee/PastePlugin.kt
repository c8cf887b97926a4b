package app.flexconnect.employee

import android.app.Activity
import android.content.ClipboardManager
import android.content.Context
import app.tauri.annotation.Command
import app.tauri.annotation.TauriPlugin
import app.tauri.plugin.Invoke
import app.tauri.plugin.JSObject
import app.tauri.plugin.Plugin

/** Reads the clipboard as text, whatever its type: web views, and so most mail apps, copy `text/html`. */
@TauriPlugin
class PastePlugin(private val activity: Activity) : Plugin(activity) {
  @Command
  fun paste(invoke: Invoke) {
    try {
      val clipboard = activity.getSystemService(Context.CLIPBOARD_SERVICE) as ClipboardManager
      val clip = clipboard.primaryClip
      // Something was copied, and Android does not tell what.
      if (clip == null && clipboard.hasPrimaryClip()) return invoke.reject("refused")
      val items = clip?.let { 0 until it.itemCount } ?: IntRange.EMPTY
      val text = items.joinToString("\n") { clip?.getItemAt(it)?.coerceToText(activity) ?: "" }
      invoke.resolve(JSObject().apply { put("text", text) })
    } catch (error: SecurityException) {
      // Some manufacturers ask the employee.
      invoke.reject("refused")
    }
  }
}
