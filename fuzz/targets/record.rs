//! A damaged record file.
#![no_main]

use flex_connect_core::Edition;
use flex_connect_fuzz::view_of_record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &str| {
    view_of_record(record.to_owned(), Edition::Mobile);
    view_of_record(record.to_owned(), Edition::Desktop);
});
