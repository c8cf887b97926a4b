//! The desktop program.

// No console window on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    flex_connect_lib::run();
}
