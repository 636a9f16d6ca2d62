//! `avow serve`, over a socket.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStderr, Stdio},
};

use crate::{avow, command, root, text};

struct Serving {
    process: Child,
    address: String,
    /// Kept open: a process that cannot speak may end.
    _words: BufReader<ChildStderr>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(arguments: &[&str]) -> Serving {
    let mut process = command(&["serve", "policies/opsyn", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("serving") {
        let read = words.read_line(&mut said).unwrap();
        assert_ne!(read, 0, "{said}");
    }
    let (_, rest) = said.split_once("address=").unwrap();
    let address = rest.split_whitespace().next().unwrap().to_owned();
    Serving {
        process,
        address,
        _words: words,
    }
}

fn context(serving: &Serving, headers: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    let host = &serving.address;
    write!(
        stream,
        "GET /consent/context HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_visitor_is_where_the_headers_say_that_the_operator_trusts() {
    let headers = "CF-IPCountry: US\r\nCF-Region-Code: CA\r\nSec-GPC: 1\r\n";
    for (arguments, jurisdiction) in [
        (
            &["--place-header", "cf-ipcountry,cf-region-code"][..],
            "us-ca",
        ),
        (&["--place-header", "cf-ipcountry"], "us"),
        (&["--place-header", "x-country"], ""),
        (&["--jurisdiction", "GB"], "gb"),
        (&[], ""),
    ] {
        let answer = context(&serve(arguments), headers);
        let expected = serde_json::json!({"jurisdiction": jurisdiction, "ask": true, "gpc": true});
        assert_eq!(answer, expected, "{arguments:?}");
    }
}

#[test]
fn place_headers_that_make_no_sense_are_a_mistaken_command() {
    for (arguments, words) in [
        (&["--place-header", "a,b,c"][..], "two headers at most"),
        (&["--place-header", "a b"], "--place-header"),
        (
            &["--place-header", "a", "--jurisdiction", "gb"],
            "cannot be used with",
        ),
    ] {
        let mut all = vec!["serve", "policies/opsyn"];
        all.extend(arguments);
        let out = avow(&root(), &all);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        let said = text(&out.stderr);
        assert!(said.contains(words), "{said}");
    }
}
