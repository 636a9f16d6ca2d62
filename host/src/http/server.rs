//! A socket, and its end: serving until a signal comes, then finishing what was begun.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use axum::Router;
use tokio::net::TcpListener;

use super::Access;

/// How long requests that are under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(10);

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
    let (asked, mut late) = tokio::sync::watch::channel(false);
    let stop = async move {
        stop.await;
        let _ = asked.send(true);
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(stop);
    tokio::select! {
        result = async { server.await } => result,
        () = async {
            if late.wait_for(|asked| *asked).await.is_err() {
                pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        } => {
            tracing::warn!("requests that did not end in time are cut off");
            Ok(())
        }
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
