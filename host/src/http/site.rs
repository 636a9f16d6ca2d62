//! The widget's files, served from memory: read once, so that a request can neither reach another file nor see half of one.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use axum::{
    body::Bytes,
    extract::{Path as Route, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use super::{Shared, error::ApiError};
use crate::trust::hex;

/// All files together, bytes. A widget has a thousandth of that: more is the wrong folder.
const MAX_BYTES: u64 = 64 << 20;

/// How deep folders may nest.
const MAX_DEPTH: u32 = 8;

/// Encodings that may lie beside a file, best first: token and suffix.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Files under `/avow/`.
#[derive(Clone, Debug, Default)]
pub struct Site {
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug)]
struct File {
    bytes: Bytes,
    etag: HeaderValue,
    content_type: &'static str,
    /// Its name has the digest of its content, so that it never changes under that name.
    immutable: bool,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// It cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A name is no text.
    #[error("the name of `{0}` is not Unicode")]
    Name(PathBuf),
    /// It is larger than any site.
    #[error(
        "`{0}` holds too much to be served: is it the folder that `avow build --target browser` wrote?"
    )]
    TooLarge(PathBuf),
}

impl Site {
    /// Reads a folder.
    ///
    /// # Errors
    /// Where it cannot be read whole.
    pub fn load(folder: &Path) -> Result<Self, SiteError> {
        let mut site = Self::default();
        let mut left = MAX_BYTES;
        site.read(folder, folder, "", MAX_DEPTH, &mut left)?;
        Ok(site)
    }

    /// Names of the files, below `/avow/`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    fn read(
        &mut self,
        root: &Path,
        folder: &Path,
        prefix: &str,
        depth: u32,
        left: &mut u64,
    ) -> Result<(), SiteError> {
        let too_large = || SiteError::TooLarge(root.to_owned());
        let depth = depth.checked_sub(1).ok_or_else(too_large)?;
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| SiteError::Io { path, error }
        };
        for entry in fs::read_dir(folder).map_err(io(folder))? {
            let path = entry.map_err(io(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| SiteError::Name(path.clone()))?;
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{prefix}{name}");
            let metadata = fs::metadata(&path).map_err(io(&path))?;
            if metadata.is_dir() {
                self.read(root, &path, &format!("{name}/"), depth, left)?;
            } else {
                *left = left.checked_sub(metadata.len()).ok_or_else(too_large)?;
                let bytes = fs::read(&path).map_err(io(&path))?;
                let file = File::new(&name, bytes);
                self.files.insert(name, file);
            }
        }
        Ok(())
    }

    fn answer(&self, name: &str, headers: &HeaderMap) -> Option<Response> {
        let file = self.files.get(name)?;
        let accepted = headers
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let encoded = ENCODINGS
            .into_iter()
            .filter_map(|(token, suffix)| {
                Some((token, self.files.get(&format!("{name}{suffix}"))?))
            })
            .collect::<Vec<_>>();
        let chosen = encoded.iter().find(|(token, _)| accepts(accepted, token));
        let body = chosen.map_or(file, |(_, file)| file);
        let mut answer = vec![
            (header::ETAG, body.etag.clone()),
            (
                header::CACHE_CONTROL,
                HeaderValue::from_static(file.caching()),
            ),
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static(file.content_type),
            ),
            (
                HeaderName::from_static("x-content-type-options"),
                HeaderValue::from_static("nosniff"),
            ),
        ];
        if !encoded.is_empty() {
            let vary = HeaderValue::from_static("accept-encoding");
            answer.push((header::VARY, vary));
        }
        if let Some((token, _)) = chosen {
            answer.push((header::CONTENT_ENCODING, HeaderValue::from_static(token)));
        }
        let mut response = if is_known(headers, &body.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            body.bytes.clone().into_response()
        };
        for (name, value) in answer {
            response.headers_mut().insert(name, value);
        }
        Some(response)
    }
}

impl File {
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        let digest = hex(&Sha256::digest(&bytes));
        let etag = HeaderValue::from_str(&format!("\"{digest}\""));
        // At least eight digits: what is shorter may be a version or a word.
        let immutable = name
            .split(['.', '-', '/'])
            .any(|part| part.len() >= 8 && digest.starts_with(part));
        Self {
            bytes: bytes.into(),
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")),
            content_type: content_type(name),
            immutable,
        }
    }

    fn caching(&self) -> &'static str {
        if self.immutable {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }
    }
}

pub(super) async fn file(
    State(shared): State<Shared>,
    Route(name): Route<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let site = shared.site();
    site.and_then(|site| site.answer(&name, &headers))
        .ok_or(ApiError::NotFound("`/avow/`"))
}

/// Whether an `Accept-Encoding` names an encoding, and not with weight zero.
fn accepts(accepted: &str, token: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(token));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=");
            weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32))
        });
        named && !refused
    })
}

fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Ok(etag) = etag.to_str() else {
        return false;
    };
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == etag || known == "*")
}

fn content_type(name: &str) -> &'static str {
    let stem = ENCODINGS
        .into_iter()
        .find_map(|(_, suffix)| name.strip_suffix(suffix))
        .unwrap_or(name);
    match stem.rsplit_once('.').map(|(_, extension)| extension) {
        Some("wasm") => "application/wasm",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("json" | "map") => "application/json",
        // Declarations of types: for editors, and no browser runs them.
        Some("txt" | "ftl" | "ts") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
