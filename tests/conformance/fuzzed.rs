//! What the fuzzer found once, and what it begins with: each reader holds on it what it must.

use std::path::Path;

use drcore_tests::fuzz::READERS;

#[test]
fn readers_hold_on_what_was_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    let mut directories: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    directories.sort();
    let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
    assert_eq!(directories, names, "a directory for every reader");
    for reader in READERS {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets").join(reader.name);
        assert!(target.with_extension("rs").is_file(), "{} has no fuzz target", reader.name);
        let mut inputs = 0;
        for entry in std::fs::read_dir(root.join(reader.name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            (reader.check)(&std::fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{}", reader.name);
    }
}
