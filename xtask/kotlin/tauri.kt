package app.tauri.plugin

import android.app.Activity

abstract class Plugin(private val activity: Activity)
