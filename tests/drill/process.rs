//! However a process ends, nothing of its scratch clusters is left.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore_tests::process::{
    DIRECTORY, Owned, directory, entries, is_alive, nothing_is_left, server, signal, wait,
};

/// Not a test of its own: the process that the others start, end and look after.
#[tokio::test]
#[ignore = "started by the others"]
async fn child() {
    let _cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    match std::env::var("DRCORE_TEST_END").as_deref() {
        Ok("panic") => panic!("as told"),
        Ok("exit") => std::process::exit(7),
        _ => std::future::pending().await,
    }
}

fn start(directory: &Path, end: &str) -> Owned {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["process::child", "--exact", "--include-ignored"])
        .env(DIRECTORY, directory)
        .env("DRCORE_TEST_END", end)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Owned(child.unwrap())
}

#[test]
fn nothing_is_left_after_signals() {
    // Not INT, which a shell ignores for what it runs in the background; Ctrl-C is the command's own test.
    for name in ["-KILL", "-TERM", "-ALRM"] {
        let directory = directory();
        let mut child = start(directory.path(), "wait");
        let pid = wait("the server starts", || server(directory.path()));
        assert!(is_alive(pid));
        signal(&child.0, name);
        child.0.wait().unwrap();
        nothing_is_left(directory.path(), pid);
    }
}

#[test]
fn nothing_is_left_of_a_process_that_is_killed_while_it_makes_the_cluster() {
    for after in [5, 200, 500, 900, 1300] {
        let directory = directory();
        let mut child = start(directory.path(), "wait");
        wait("the directory is made", || (entries(directory.path()) > 0).then_some(()));
        std::thread::sleep(Duration::from_millis(after));
        let pid = server(directory.path());
        signal(&child.0, "-KILL");
        child.0.wait().unwrap();
        nothing_is_left(directory.path(), pid.unwrap_or(u32::MAX));
        // initdb, or a server that was just starting, must not put it back.
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(entries(directory.path()), 0, "killed after {after} ms");
    }
}

#[test]
fn nothing_is_left_after_a_panic_or_an_exit() {
    for end in ["panic", "exit"] {
        let directory = directory();
        let status = start(directory.path(), end).0.wait().unwrap();
        assert!(!status.success());
        wait("the directory goes", || (entries(directory.path()) == 0).then_some(()));
    }
}

#[test]
fn two_at_a_time_do_not_collide() {
    let directories = [directory(), directory()];
    let mut children = directories.each_ref().map(|directory| start(directory.path(), "wait"));
    let pids = directories.each_ref().map(|directory| wait("a server starts", || server(directory.path())));
    signal(&children[0].0, "-KILL");
    nothing_is_left(directories[0].path(), pids[0]);
    assert!(is_alive(pids[1]), "the end of one is not the end of the other");
    signal(&children[1].0, "-KILL");
    for child in &mut children {
        child.0.wait().unwrap();
    }
    nothing_is_left(directories[1].path(), pids[1]);
}
