//! The file that the app kept, after whatever happened to it.
#![no_main]

use flex_connect_core::Edition;
use flex_connect_fuzz::woken_with;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &str| {
    woken_with(record.to_owned(), Edition::Mobile);
    woken_with(record.to_owned(), Edition::Desktop);
});
