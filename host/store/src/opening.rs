//! Which database, from a URL; and opening it: tables first, and one host for each file.

use crate::backends::Backends;
use crate::rest::{Probe, Rest};
use crate::sql::{Dialect, Sql};
use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// Where calls are kept.
///
/// ```
/// let database = store::Database::parse("sqlite://calls.db").unwrap();
/// assert_eq!(database.to_string(), "sqlite://calls.db");
/// ```
#[derive(Clone, PartialEq)]
pub enum Database {
    /// a file
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
    /// PostgreSQL behind Supabase's REST interface
    Supabase(Project),
}

/// A project of Supabase, whose key is never shown.
#[derive(Clone)]
pub struct Project(Arc<Rest>);

impl PartialEq for Project {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Project {
    pub(crate) fn rest(&self) -> &Rest {
        &self.0
    }

    /// Whether everything is there that its REST interface cannot make. A wrong address or key is an error.
    pub(crate) async fn start(&self) -> Result<Option<Absence>, OpenError> {
        let Err(probe) = self.0.probe().await else { return Ok(None) };
        let reason = probe.to_string();
        match probe {
            Probe::Missing(_) => Ok(Some(Absence { reason, unprepared: true })),
            Probe::Away(_) => Ok(Some(Absence { reason, unprepared: false })),
            Probe::Refused(_) => Err(OpenError::Unusable(reason)),
        }
    }
}

/// Why nothing can be written yet. That may change at any time, and what is to be kept waits for it.
pub(crate) struct Absence {
    pub(crate) reason: String,
    /// somebody else has to make the tables
    pub(crate) unprepared: bool,
}

/// `postgresql://…`, whose password is never shown.
#[derive(Clone, PartialEq)]
pub struct PostgresUrl(Url);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error(
        "a database's URL is sqlite://PATH (sqlite://calls.db, sqlite:///var/lib/cordboard/calls.db) or \
         postgresql://USER:PASSWORD@HOST:PORT/NAME; this one begins with neither"
    )]
    UnknownKind,
    #[error(
        "SQLite in memory would be another database for each connection and be gone with the program; \
         name a file: sqlite://calls.db"
    )]
    InMemory,
    #[error("{0}; a file is named like sqlite://calls.db or sqlite:///var/lib/cordboard/calls.db")]
    Sqlite(&'static str),
    #[error("{0}; PostgreSQL's URL is postgresql://USER:PASSWORD@HOST:PORT/NAME")]
    Postgres(String),
    #[error("{0}")]
    Supabase(String),
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database cannot be used: {0}")]
    Unusable(String),
    #[error("the migration {name} cannot run: {reason}")]
    Migration { name: String, reason: String },
    #[error(
        "a newer version of this program has set up this database (migration {0} is not known here); use \
         that version, or another database"
    )]
    Newer(i64),
    #[error(
        "{} is in use by another host (process {process}); give each its own file, or use PostgreSQL", path.display()
    )]
    InUse { path: PathBuf, process: String },
    #[error("the folder for what cannot be written yet, {}, cannot be used: {error}", path.display())]
    Spool { path: PathBuf, error: std::io::Error },
    #[error("{0} is away: {1}")]
    Away(Database, String),
}

impl Database {
    /// Nothing is opened yet. An error never has the password in it.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let Some((scheme, rest)) = url.trim().split_once(':') else { return Err(UrlError::UnknownKind) };
        match scheme {
            "sqlite" => file(rest.strip_prefix("//").unwrap_or(rest)),
            "postgres" | "postgresql" => server(url.trim()),
            _ => Err(UrlError::UnknownKind),
        }
    }

    /// A project by its REST interface. `http`: with its TLS prepared. `url`: `https://REF.supabase.co`;
    /// `key`: a secret one, of either kind. An error never has the key in it.
    pub fn supabase(http: reqwest::ClientBuilder, url: &str, key: &str) -> Result<Self, UrlError> {
        let rest = Rest::new(http, url, key).map_err(|error| UrlError::Supabase(error.to_string()))?;
        Ok(Self::Supabase(Project(Arc::new(rest))))
    }

    /// `sqlite`, `postgresql` or `supabase`
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
            Self::Supabase(_) => "supabase",
        }
    }

    pub(crate) fn backend(&self) -> Result<Backends, OpenError> {
        let unusable = |error: &dyn fmt::Display| OpenError::Unusable(error.to_string());
        let (url, dialect) = match self {
            Self::Sqlite(path) => (sqlite_url(&settled(path)?)?, Dialect::Sqlite),
            Self::Postgres(PostgresUrl(url)) => (url.clone(), Dialect::Postgres),
            Self::Supabase(project) => return Ok(Backends::Rest(project.clone())),
        };
        let options = AnyConnectOptions::from_url(&url).map_err(|error| unusable(&error))?;
        Ok(Backends::Sql(Box::new(Sql::new(options, dialect))))
    }

    /// Keeps other hosts off a file, as long as it lives.
    pub(crate) fn lock(&self) -> Result<Option<File>, OpenError> {
        let Self::Sqlite(path) = self else { return Ok(None) };
        let path = settled(path)?;
        let mut name = path.clone().into_os_string();
        name.push(".lock");
        locked(Path::new(&name), &path).map(Some)
    }
}

fn file(path: &str) -> Result<Database, UrlError> {
    match path {
        "" | "/" => Err(UrlError::Sqlite("the URL names no file")),
        _ if path.starts_with(":memory:") || path.contains("mode=memory") => Err(UrlError::InMemory),
        _ if path.contains('?') => {
            Err(UrlError::Sqlite("a file's URL has no settings behind a question mark"))
        }
        _ if path.contains('\0') => Err(UrlError::Sqlite("a file's name has no NUL in it")),
        _ if path.ends_with('/') => Err(UrlError::Sqlite("the URL names a folder")),
        _ => Ok(Database::Sqlite(path.into())),
    }
}

fn server(url: &str) -> Result<Database, UrlError> {
    let url = Url::parse(url).map_err(|error| UrlError::Postgres(format!("the URL is none: {error}")))?;
    let settings: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let host = url.host_str().is_some_and(|host| !host.is_empty());
    if !host && !settings.iter().any(|name| name == "host" || name == "hostaddr") {
        return Err(UrlError::Postgres("the URL names no host".to_owned()));
    }
    if url.path().trim_matches('/').is_empty() && !settings.iter().any(|name| name == "dbname") {
        return Err(UrlError::Postgres("the URL names no database behind the host".to_owned()));
    }
    Ok(Database::Postgres(PostgresUrl(url)))
}

/// The file by its one name, in a folder that is there.
fn settled(path: &Path) -> Result<PathBuf, OpenError> {
    let wrong = |error: &dyn fmt::Display| OpenError::Unusable(format!("{}: {error}", path.display()));
    let whole = std::path::absolute(path).map_err(|error| wrong(&error))?;
    let (Some(folder), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(wrong(&"it is no file"));
    };
    std::fs::create_dir_all(folder).map_err(|error| wrong(&error))?;
    let folder = folder.canonicalize().map_err(|error| wrong(&error))?;
    Ok(folder.join(name))
}

/// A name may have anything in it that means something else in a URL.
fn sqlite_url(path: &Path) -> Result<Url, OpenError> {
    let mut url = String::from("sqlite://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                url.push(char::from(*byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push_str("?mode=rwc");
    Url::parse(&url).map_err(|error| OpenError::Unusable(format!("{}: {error}", path.display())))
}

/// Has `lock` for itself. It holds the number of the process that has it.
pub(crate) fn locked(lock: &Path, what: &Path) -> Result<File, OpenError> {
    let wrong = |error: std::io::Error| OpenError::Unusable(format!("{}: {error}", lock.display()));
    let mut file =
        File::options().create(true).truncate(false).read(true).write(true).open(lock).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            // who it is only helps to find it
            let _ = file.read_to_string(&mut process);
            return Err(OpenError::InUse { path: what.to_owned(), process: process.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(wrong(error)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(wrong)?;
    writeln!(file, "{}", std::process::id()).map_err(wrong)?;
    Ok(file)
}

/// The steps that set up a database: names, and what they say.
pub fn migrations(database: &Database) -> Vec<(String, String)> {
    crate::sql::migrations(match database {
        Database::Sqlite(_) => Dialect::Sqlite,
        Database::Postgres(_) | Database::Supabase(_) => Dialect::Postgres,
    })
}

/// Sets up a database, or brings it to what this version needs. Here one that is away is an error.
pub async fn migrate(database: &Database) -> Result<(), OpenError> {
    let _lock = database.lock()?;
    let backend = database.backend()?;
    let away = backend.start().await?;
    backend.close().await;
    match away {
        None => Ok(()),
        Some(absence) => Err(OpenError::Away(database.clone(), absence.reason)),
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => fmt::Debug::fmt(url, f),
            Self::Supabase(Project(rest)) => f.write_str(rest.base()),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for PostgresUrl {
    /// Who and where. A password may also stand behind the question mark.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        write!(f, "postgresql://{}", url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())
    }
}
