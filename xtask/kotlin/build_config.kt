package app.tauri

/** Made by Gradle. */
object BuildConfig {
  const val DEBUG = false
}
