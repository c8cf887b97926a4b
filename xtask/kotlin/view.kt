package androidx.core.view

import android.view.View
import androidx.core.graphics.Insets

class WindowInsetsCompat private constructor() {
  fun getInsets(typeMask: Int): Insets = Insets.NONE

  class Builder(private val insets: WindowInsetsCompat) {
    fun setInsets(typeMask: Int, insets: Insets): Builder = this

    fun build(): WindowInsetsCompat = insets
  }

  object Type {
    @JvmStatic fun systemBars(): Int = 0

    @JvmStatic fun displayCutout(): Int = 0

    @JvmStatic fun ime(): Int = 0
  }
}

fun interface OnApplyWindowInsetsListener {
  fun onApplyWindowInsets(v: View, insets: WindowInsetsCompat): WindowInsetsCompat
}

object ViewCompat {
  @JvmStatic fun setOnApplyWindowInsetsListener(view: View, listener: OnApplyWindowInsetsListener?) {}
}

fun View.updatePadding(left: Int = paddingLeft, top: Int = paddingTop, right: Int = paddingRight, bottom: Int = paddingBottom) {}
