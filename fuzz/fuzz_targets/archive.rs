#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drcore_tests::fuzz::archive(data));
