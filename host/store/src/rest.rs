//! Supabase's REST interface (PostgREST), for those who have nothing else of their database: its address
//! and a key.
//!
//! It makes no tables: [`Rest::probe`] tells what is missing. It does nothing twice: what could not be done
//! is the writer's. One request is done whole or not at all, and several requests are not; as each row may
//! be written again, whoever repeats all of them has the same in the end.
//!
//! No error and no `Debug` shows the key, and errors hold none of the rows but what the server quotes of a
//! single value.

mod address;
mod asking;
mod failure;
mod probe;
mod reading;
mod runs;
#[cfg(test)]
mod tests;

use address::Invalid;

#[cfg(test)]
use probe::Missing;
pub(crate) use probe::Probe;

use crate::backend::{Backend, Condition, Error, Select};
use crate::tables::{Row, Table};
use asking::{Answer, columns, filters};
use failure::Failure;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that is kept longer may be closed by the far end just when a request goes out.
const KEPT: Duration = Duration::from_secs(20);
/// Rows that are asked for at once: well below what a project answers with (1000, unless somebody changed
/// it), which it does not say.
const PAGE: usize = 500;
/// What every server calls itself that is no browser: to those, Supabase refuses its secret keys.
const AGENT: &str = concat!("cordboard/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Rest {
    http: Client,
    /// `…/rest/v1`, without a slash at its end.
    base: Url,
    key: String,
    /// With one request.
    patience: Duration,
}

impl Rest {
    /// `http`: with its TLS prepared; what else it needs is set here. `url`: `https://REF.supabase.co`,
    /// with or without `/rest/v1`; `http` is for this machine. `key`: a secret one, of either kind.
    pub(crate) fn new(http: ClientBuilder, url: &str, key: &str) -> Result<Self, Invalid> {
        let (base, key) = (address::base(url)?, address::key(key)?);
        let http = http
            .default_headers(headers(&key)?)
            .user_agent(AGENT)
            .pool_idle_timeout(KEPT)
            .tcp_nodelay(true)
            // the key does not go where a redirect leads
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        let http = http.build().map_err(|error| Invalid::Client(error.to_string()))?;
        Ok(Self { http, base, key, patience: PATIENCE })
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str()
    }

    /// One after the other, so that each page begins where the one before ended.
    async fn pages(&self, select: &Select) -> Result<Vec<Map<String, Value>>, Failure> {
        let Some(mut asked) = filters(&select.conditions) else {
            return Ok(Vec::new());
        };
        let table = select.table;
        asked.push(("select".into(), columns(table)));
        asked.push(("order".into(), asking::order(select)));
        let wanted = select.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut rows = Vec::new();
        let mut known = HashSet::new();
        let mut offset = 0;
        while rows.len() < wanted {
            let page = PAGE.min(wanted - rows.len());
            let mut asked = asked.clone();
            asked.push(("limit".into(), page.to_string()));
            if offset > 0 {
                asked.push(("offset".into(), offset.to_string()));
            }
            let found = self.ask(Method::GET, table, &asked, None, None).await?.rows()?;
            let count = found.len();
            for mut row in found {
                // a row that was added meanwhile moves others on to the next page
                if known.insert(runs::key(table, &row)) {
                    reading::normalise(table, &mut row);
                    rows.push(row);
                }
            }
            if count < page {
                break;
            }
            offset += count;
        }
        Ok(rows)
    }

    /// Changes or takes away the rows that meet all conditions; how many.
    async fn change(
        &self,
        method: Method,
        table: Table,
        conditions: &[Condition],
        values: Option<&Map<String, Value>>,
    ) -> Result<u64, Failure> {
        let Some(mut asked) = filters(conditions) else {
            return Ok(0);
        };
        if asked.is_empty() {
            // a change of all rows is refused, unless it says that it means it
            asked.extend(table.key().iter().map(|column| ((*column).to_owned(), "not.is.null".to_owned())));
        }
        let body = values.map(|values| Value::Object(values.clone()).to_string());
        let answer = self.ask(method, table, &asked, Some("return=minimal,count=exact"), body).await?;
        answer.count()
    }

    async fn ask(
        &self,
        method: Method,
        table: Table,
        query: &[(String, String)],
        prefer: Option<&str>,
        body: Option<String>,
    ) -> Result<Answer, Failure> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path(), table.name()));
        url.query_pairs_mut().extend_pairs(query);
        let doing = asking::doing(&method, table);
        let mut request =
            self.http.request(method, url).timeout(self.patience).header(ACCEPT, "application/json");
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = Answer::receive(doing, request).await;
        answer.map_err(|failure| failure.without(&self.key))
    }
}

impl Backend for Rest {
    async fn write(&self, rows: &[Row]) -> Result<(), Error> {
        for run in runs::of(rows) {
            let query =
                [("on_conflict".to_owned(), run.table.key().join(",")), ("columns".into(), run.columns())];
            let prefer = "resolution=merge-duplicates,return=minimal";
            let answer = self.ask(Method::POST, run.table, &query, Some(prefer), Some(run.body())).await?;
            answer.silent()?;
        }
        Ok(())
    }

    async fn select(&self, select: &Select) -> Result<Vec<Map<String, Value>>, Error> {
        Ok(self.pages(select).await?)
    }

    async fn update(
        &self,
        table: Table,
        conditions: &[Condition],
        values: &Map<String, Value>,
    ) -> Result<u64, Error> {
        if values.is_empty() {
            return Ok(0);
        }
        Ok(self.change(Method::PATCH, table, conditions, Some(values)).await?)
    }

    async fn delete(&self, table: Table, conditions: &[Condition]) -> Result<u64, Error> {
        Ok(self.change(Method::DELETE, table, conditions, None).await?)
    }
}

/// The older keys are JWTs and tell the database who asks; the newer ones are for the gateway alone, and
/// are refused where a JWT belongs.
fn headers(key: &str) -> Result<HeaderMap, Invalid> {
    let secret = |text: &str| {
        let mut value =
            HeaderValue::from_str(text).map_err(|_| Invalid::Key("has signs in it that none has"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    let mut headers = HeaderMap::new();
    headers.insert("apikey", secret(key)?);
    if key.starts_with("eyJ") {
        headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"))?);
    }
    Ok(headers)
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}
