//! The benchmark runs: what it says is not tested here, a busy machine says something else.

use crate::house::*;

#[tokio::test]
async fn two_calls_are_measured_and_everything_is_said_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let running = command.args(["bench", "--calls", "2", "--seconds", "12", "--turns", "host"]).output();
    let output = tokio::time::timeout(PATIENCE * 3, running).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{all}");
    let columns = said.lines().find(|line| line.contains("v2v50")).expect(&all);
    let row = said.lines().find(|line| line.trim_start().starts_with("2 ")).expect(&all);
    assert_eq!(columns.split_whitespace().count(), row.split_whitespace().count(), "{all}");
    // two callers, each with an answer at least
    let turns: u32 = row.split_whitespace().last().unwrap().parse().unwrap();
    assert!(turns >= 2, "{all}");
    // on a machine that does other things, what is said in time may come too late
    let breaches = said.lines().filter(|line| line.contains("breaches of the protocol"));
    assert!(breaches.clone().all(|line| line.contains("it expired")), "{all}");
}

#[tokio::test]
async fn what_it_cannot_measure_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, reason) in [(["--calls", "0"], "from 1 to 2000"), (["--seconds", "1"], "10 to 3600")] {
        let mut command = program(folder.path());
        let output = command.arg("bench").args(arguments).output().await.unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(reason), "{said}");
    }
}
