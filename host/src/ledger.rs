//! The ledger of consent: what was shown, what was chosen, when. SQLite, append-only, each record chained to the one before.
//!
//! A record's hash is SHA-256 over `avow consent 0\n`, then sequence number and instants as 8 bytes big-endian, then each text
//! with its length as 8 bytes before it, then the hash of the record before (zeros before the first). Changing, removing or
//! reordering records breaks the chain; cutting off its end does not, so whoever audits keeps [`Ledger::head`] elsewhere.
//!
//! It says nothing about who chose, but for the random id that the visitor's own cookie has.

use std::{path::Path, time::Duration};

use avow_engine::Choice;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use crate::trust::hex;

/// The version of the tables, in SQLite's `user_version`.
const FORMAT: i64 = 1;

/// `Avow` in SQLite's `application_id`, so that another program's file is not taken for a ledger.
const APPLICATION: i64 = 0x4176_6f77;

const CONTEXT: &[u8] = b"avow consent 0\n";

/// The hash before the first record.
const GENESIS: [u8; 32] = [0; 32];

const SCHEMA: &str = "
    CREATE TABLE choice (
        seq         INTEGER PRIMARY KEY,
        id          TEXT NOT NULL UNIQUE,
        recorded_at INTEGER NOT NULL,
        chosen_at   INTEGER NOT NULL,
        offer       TEXT NOT NULL,
        granted     TEXT NOT NULL,
        refused     TEXT NOT NULL,
        objected    TEXT NOT NULL,
        services    TEXT NOT NULL,
        method      TEXT NOT NULL,
        language    TEXT NOT NULL,
        bundle      TEXT NOT NULL,
        texts       TEXT NOT NULL,
        previous    BLOB NOT NULL,
        hash        BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER choice_is_not_updated BEFORE UPDATE ON choice
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
    CREATE TRIGGER choice_is_not_deleted BEFORE DELETE ON choice
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
    -- INSERT OR REPLACE deletes without asking the trigger above.
    CREATE TRIGGER choice_is_not_replaced BEFORE INSERT ON choice
        WHEN EXISTS (SELECT 1 FROM choice WHERE seq >= NEW.seq OR id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
";

/// A choice, and what it was made about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The choice.
    pub choice: Choice,
    /// Digest of the bundle that the visitor's browser decided by, hexadecimal.
    pub bundle: String,
    /// Digest of the texts that were shown, hexadecimal.
    pub texts: String,
}

/// A record's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; the first is 1, and 0 stands for an empty ledger.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What came of recording a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the ledger now, and on the disk.
    New(Head),
    /// It was there already, the very same.
    Known(Head),
}

/// Why the ledger does not serve.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite says so.
    #[error("ledger: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file is another program's, or a newer version's.
    #[error("ledger: the file is {0}")]
    Foreign(String),
    /// Another choice has this id.
    #[error("another choice is recorded under id `{0}`")]
    Conflict(String),
    /// The chain is broken.
    #[error("ledger is broken at record {seq}: {reason}")]
    Broken {
        /// The record.
        seq: i64,
        /// What does not fit.
        reason: &'static str,
    },
}

/// A ledger, opened for appending.
pub struct Ledger {
    connection: Connection,
}

impl Ledger {
    /// Opens a ledger, and makes one where there is no file.
    ///
    /// # Errors
    /// Where the file cannot be used or is something else.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::prepare(Connection::open(path)?)
    }

    /// A ledger that is gone when it is closed.
    ///
    /// # Errors
    /// Where SQLite cannot make one.
    pub fn in_memory() -> Result<Self, LedgerError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, LedgerError> {
        connection.busy_timeout(Duration::from_secs(5))?;
        // FULL: a commit returns when the record is on the disk, so what was acknowledged survives a power cut.
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let pragma = |name: &str| -> Result<i64, rusqlite::Error> {
            transaction.pragma_query_value(None, name, |row| row.get(0))
        };
        let tables: i64 =
            transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        match (pragma("application_id")?, pragma("user_version")?) {
            (APPLICATION, FORMAT) => {}
            (0, 0) if tables == 0 => {
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "application_id", APPLICATION)?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
            }
            (APPLICATION, version) => {
                let what = format!("of format {version}, this program knows format {FORMAT}");
                return Err(LedgerError::Foreign(what));
            }
            _ => return Err(LedgerError::Foreign("another program's database".into())),
        }
        transaction.commit()?;
        Ok(Self { connection })
    }

    /// Appends a choice. When this returns, the record is on the disk.
    ///
    /// # Errors
    /// Where it cannot be written, or its id stands for another choice; then nothing is.
    pub fn append(&mut self, entry: &Entry, now: i64) -> Result<Recorded, LedgerError> {
        // Immediate: nobody else appends between reading the head and writing the record after it.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = transaction
            .query_row(
                "SELECT * FROM choice WHERE id = ?1",
                [&entry.choice.id],
                Record::read,
            )
            .optional()?;
        if let Some(known) = known {
            let head = known
                .head()
                .ok_or(known.broken("its hash is not 32 bytes"))?;
            return if known.texts() == texts(entry) && known.chosen_at == entry.choice.at {
                Ok(Recorded::Known(head))
            } else {
                Err(LedgerError::Conflict(entry.choice.id.clone()))
            };
        }
        let previous = head(&transaction)?;
        let texts = texts(entry);
        let seq = previous.seq + 1;
        let hash = chain(seq, now, entry.choice.at, &texts, &previous.hash);
        let [
            id,
            offer,
            granted,
            refused,
            objected,
            services,
            method,
            language,
            bundle,
            shown,
        ] = &texts;
        transaction.execute(
            "INSERT INTO choice VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
            params![
                seq,
                id,
                now,
                entry.choice.at,
                offer,
                granted,
                refused,
                objected,
                services,
                method,
                language,
                bundle,
                shown,
                previous.hash,
                hash,
            ],
        )?;
        transaction.commit()?;
        Ok(Recorded::New(Head { seq, hash }))
    }

    /// The last record's place. Kept elsewhere, it shows later that no record after it was cut off.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn head(&self) -> Result<Head, LedgerError> {
        head(&self.connection)
    }

    /// Walks the whole chain and returns its head. O(records).
    ///
    /// # Errors
    /// Names the first record that does not fit.
    pub fn verify(&self) -> Result<Head, LedgerError> {
        let mut statement = self
            .connection
            .prepare("SELECT * FROM choice ORDER BY seq")?;
        let records = statement.query_map([], Record::read)?;
        let mut last = Head {
            seq: 0,
            hash: GENESIS,
        };
        for record in records {
            let record = record?;
            let hash = chain(
                record.seq,
                record.recorded_at,
                record.chosen_at,
                &record.texts(),
                &last.hash,
            );
            if record.seq != last.seq + 1 {
                return Err(record.broken("a record before it is missing"));
            }
            if record.previous != last.hash {
                return Err(record.broken("it does not follow the record before it"));
            }
            if record.hash != hash {
                return Err(record.broken("its content is not what was recorded"));
            }
            last = Head {
                seq: record.seq,
                hash,
            };
        }
        Ok(last)
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

const TEXTS: usize = 10;

struct Record {
    seq: i64,
    recorded_at: i64,
    chosen_at: i64,
    texts: [String; TEXTS],
    previous: Vec<u8>,
    hash: Vec<u8>,
}

impl Record {
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            seq: row.get("seq")?,
            recorded_at: row.get("recorded_at")?,
            chosen_at: row.get("chosen_at")?,
            texts: [
                row.get("id")?,
                row.get("offer")?,
                row.get("granted")?,
                row.get("refused")?,
                row.get("objected")?,
                row.get("services")?,
                row.get("method")?,
                row.get("language")?,
                row.get("bundle")?,
                row.get("texts")?,
            ],
            previous: row.get("previous")?,
            hash: row.get("hash")?,
        })
    }

    fn texts(&self) -> [String; TEXTS] {
        self.texts.clone()
    }

    fn head(&self) -> Option<Head> {
        Some(Head {
            seq: self.seq,
            hash: self.hash.as_slice().try_into().ok()?,
        })
    }

    fn broken(&self, reason: &'static str) -> LedgerError {
        LedgerError::Broken {
            seq: self.seq,
            reason,
        }
    }
}

fn head(connection: &Connection) -> Result<Head, LedgerError> {
    let last = connection
        .query_row(
            "SELECT * FROM choice ORDER BY seq DESC LIMIT 1",
            [],
            Record::read,
        )
        .optional()?;
    match last {
        Some(record) => record
            .head()
            .ok_or(record.broken("its hash is not 32 bytes")),
        None => Ok(Head {
            seq: 0,
            hash: GENESIS,
        }),
    }
}

/// The texts of a record, in the order in which they are hashed. Slugs hold no blank, so a blank can part them.
fn texts(entry: &Entry) -> [String; TEXTS] {
    let Choice {
        at: _,
        offer,
        granted,
        refused,
        objected,
        services,
        method,
        language,
        id,
    } = &entry.choice;
    [
        id.clone(),
        offer.clone(),
        granted.join(" "),
        refused.join(" "),
        objected.join(" "),
        services.join(" "),
        method.clone(),
        language.clone(),
        entry.bundle.clone(),
        entry.texts.clone(),
    ]
}

fn chain(
    seq: i64,
    recorded_at: i64,
    chosen_at: i64,
    texts: &[String; TEXTS],
    previous: &[u8; 32],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(CONTEXT);
    for number in [seq, recorded_at, chosen_at] {
        hash.update(number.to_be_bytes());
    }
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(previous);
    hash.finalize().into()
}
