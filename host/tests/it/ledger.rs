//! The ledger: what it keeps, and what it notices.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use avow_host::{
    Ledger, LedgerError,
    avow_engine::Choice,
    ledger::{Entry, Recorded},
};
use rusqlite::Connection;

fn entry(id: &str) -> Entry {
    Entry {
        choice: Choice {
            at: 1000,
            offer: "offer".into(),
            granted: vec!["analytics".into()],
            method: "accept".into(),
            language: "en".into(),
            id: id.into(),
            ..Choice::default()
        },
        bundle: "ab".repeat(32),
        texts: "cd".repeat(32),
    }
}

fn filled(path: &Path, records: usize) {
    let mut ledger = Ledger::open(path).unwrap();
    for number in 0..records {
        let recorded = ledger
            .append(&entry(&format!("id-{number}")), 2000)
            .unwrap();
        assert!(matches!(recorded, Recorded::New(head) if head.seq == number as i64 + 1));
    }
}

#[test]
fn a_chain_goes_on_where_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    filled(&path, 3);
    let mut ledger = Ledger::open(&path).unwrap();
    let head = ledger.verify().unwrap();
    assert_eq!((head.seq, head), (3, ledger.head().unwrap()));
    assert_eq!(ledger.append(&entry("id-1"), 9999).unwrap(), {
        let Recorded::Known(known) = ledger.append(&entry("id-1"), 1).unwrap() else {
            panic!("recorded twice");
        };
        Recorded::Known(known)
    });
    ledger.append(&entry("new"), 3000).unwrap();
    assert_eq!(ledger.verify().unwrap().seq, 4);
}

#[test]
fn records_are_neither_changed_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    filled(&path, 3);
    let connection = Connection::open(&path).unwrap();
    for statement in [
        "UPDATE choice SET granted = '' WHERE seq = 2",
        "DELETE FROM choice WHERE seq = 3",
        "INSERT OR REPLACE INTO choice SELECT 2, 'x', 1, 1, '', '', '', '', '', '', '', '', '', x'', x''",
        "INSERT OR REPLACE INTO choice SELECT 9, 'id-1', 1, 1, '', '', '', '', '', '', '', '', '', x'', x''",
    ] {
        let error = connection.execute(statement, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{statement}: {error}");
    }
    assert_eq!(Ledger::open(&path).unwrap().verify().unwrap().seq, 3);
}

#[test]
fn tampering_is_noticed_and_located() {
    for (statement, expected) in [
        ("UPDATE choice SET granted = '' WHERE seq = 2", 2),
        ("UPDATE choice SET recorded_at = 1 WHERE seq = 3", 3),
        (
            "UPDATE choice SET refused = granted, granted = '' WHERE seq = 1",
            1,
        ),
        ("DELETE FROM choice WHERE seq = 2", 3),
        ("DELETE FROM choice WHERE seq = 1", 2),
        ("UPDATE choice SET hash = zeroblob(32) WHERE seq = 4", 4),
        ("UPDATE choice SET previous = zeroblob(32) WHERE seq = 4", 4),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        filled(&path, 4);
        let connection = Connection::open(&path).unwrap();
        // What somebody with the file in hand can do.
        connection
            .execute_batch(
                "DROP TRIGGER choice_is_not_updated; DROP TRIGGER choice_is_not_deleted;",
            )
            .unwrap();
        connection.execute(statement, []).unwrap();
        match Ledger::open(&path).unwrap().verify() {
            Err(LedgerError::Broken { seq, .. }) => assert_eq!(seq, expected, "{statement}"),
            other => panic!("{statement}: {other:?}"),
        }
    }
}

#[test]
fn a_cut_end_is_noticed_by_whoever_kept_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    filled(&path, 4);
    let kept = Ledger::open(&path).unwrap().head().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("DROP TRIGGER choice_is_not_deleted; DELETE FROM choice WHERE seq = 4;")
        .unwrap();
    assert_ne!(Ledger::open(&path).unwrap().verify().unwrap(), kept);
}

#[test]
fn another_programs_file_and_a_newer_ledger_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    assert!(matches!(
        Ledger::open(&foreign),
        Err(LedgerError::Foreign(_))
    ));
    let newer = folder.path().join("newer.db");
    filled(&newer, 1);
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    let refused = Ledger::open(&newer).err().unwrap().to_string();
    assert!(refused.contains("format 2"), "{refused}");
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to be taken for one".repeat(40),
    )
    .unwrap();
    assert!(Ledger::open(&text).is_err());
}

#[test]
fn several_writers_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    filled(&path, 1);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let path = &path;
            scope.spawn(move || {
                let mut ledger = Ledger::open(path).unwrap();
                for number in 0..20 {
                    ledger
                        .append(&entry(&format!("{writer}-{number}")), 1)
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(Ledger::open(&path).unwrap().verify().unwrap().seq, 61);
}

const LEDGER: &str = "AVOW_TEST_LEDGER";

/// Not a test by itself: the process that the next test kills.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(path) = env::var_os(LEDGER) else {
        return;
    };
    let mut ledger = Ledger::open(Path::new(&path)).unwrap();
    let mut out = std::io::stdout();
    for number in 0.. {
        ledger.append(&entry(&format!("id-{number}")), 1).unwrap();
        writeln!(out, "acknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "ledger::child_that_appends_until_it_is_killed",
            "--nocapture",
        ])
        .env(LEDGER, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged = lines
        .map(Result::unwrap)
        .filter(|line| line.contains("acknowledged "))
        .take(50)
        .count();
    child.kill().unwrap();
    child.wait().unwrap();
    let ledger = Ledger::open(&path).unwrap();
    let head = ledger.verify().unwrap();
    assert!(
        head.seq >= acknowledged as i64,
        "{} of {acknowledged}",
        head.seq
    );
    assert_eq!(acknowledged, 50);
}
