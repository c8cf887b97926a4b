package app.flexconnect.employee

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import app.tauri.annotation.Command
import app.tauri.annotation.TauriPlugin
import app.tauri.plugin.Invoke
import app.tauri.plugin.Plugin

/** Shows the e-mail app as from the home screen: `mailto:` would begin a new mail. */
@TauriPlugin
class EmailAppPlugin(private val activity: Activity) : Plugin(activity) {
  @Command
  fun open(invoke: Invoke) {
    // Of several apps, Android asks which one, and whether always.
    val intent = Intent.makeMainSelectorActivity(Intent.ACTION_MAIN, Intent.CATEGORY_APP_EMAIL)
    intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
    try {
      activity.startActivity(intent)
      invoke.resolve()
    } catch (error: ActivityNotFoundException) {
      invoke.reject("none")
    } catch (error: SecurityException) {
      // A work profile can forbid it.
      invoke.reject("refused")
    }
  }
}
