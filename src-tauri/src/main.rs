//! The program of the desktop editions.

// No console window beside the app on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    flex_connect_lib::run();
}
