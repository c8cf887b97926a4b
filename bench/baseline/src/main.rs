/// Asynchronous, as is every command that waits for a server.
#[tauri::command]
async fn press() -> &'static str {
    "pressed"
}

fn main() -> tauri::Result<()> {
    tauri::Builder::default().invoke_handler(tauri::generate_handler![press]).run(tauri::generate_context!())
}
