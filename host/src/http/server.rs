//! A socket, and its end: serving until a signal comes, then finishing what was begun.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::Access;

/// How long requests that are under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long the head of a request may take, from the end of the one before. So it bounds how long a connection may be idle,
/// too: longer than the minute for which proxies commonly keep one, else they would find it closed under a request.
const HEADER_TIME: Duration = Duration::from_secs(75);

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others could reach it, and it would not know who they are.
    #[error("`{0}` can be reached from other machines: that needs a token file")]
    Exposed(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on `{address}`: {error}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// Opens a socket for a service with this access. Without tokens, only one that no other machine can reach.
///
/// # Errors
/// Where it would be reached from elsewhere without tokens, or the system refuses.
pub async fn bind(address: SocketAddr, access: &Access) -> Result<TcpListener, BindError> {
    if !matches!(access, Access::Tokens(_)) && !is_loopback(&address) {
        return Err(BindError::Exposed(address));
    }
    TcpListener::bind(address)
        .await
        .map_err(|error| BindError::Io { address, error })
}

/// Serves until the process is asked to stop, by Ctrl-C or SIGTERM.
///
/// # Errors
/// Where the socket fails.
pub async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    serve_until(listener, router, stop_signal()).await
}

/// Serves until `stop` is done, then waits, not for ever, for requests that are under way.
///
/// # Errors
/// Where the socket fails.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_within(listener, router, stop, HEADER_TIME).await;
    Ok(())
}

pub(super) async fn serve_within(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
    header_time: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_time);
    let (asked, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = connection(http.clone(), stream, router.clone(), stopped.clone());
                    connections.spawn(connection);
                }
                Err(error) => wait_after(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    // Nobody new is let in.
    drop(listener);
    let _ = asked.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!("requests that did not end in time are cut off");
    }
}

/// Serves one connection, and after a stop only the request that is under way on it.
async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => return log(ended),
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    log(connection.await);
}

/// How a connection ended is no concern of the operator: visitors leave, and scanners send what they like.
fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits where the process has no room for another connection, so that it does not try without pause.
async fn wait_after(error: &io::Error) {
    let of_the_other_side = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !of_the_other_side {
        tracing::error!(%error, "a connection cannot be accepted");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Whether only this machine can reach an address.
#[must_use]
pub fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Done when the process is asked to stop.
pub async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
