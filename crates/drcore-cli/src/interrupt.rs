//! Ctrl-C: the first cancels on the server and lets the report be printed, the second kills.

use drcore::ErrorKind;
use tokio_util::sync::CancellationToken;

use crate::screen::Screen;

/// A token that the first Ctrl-C (or SIGTERM) cancels. The second ends the process.
pub(crate) fn token(screen: &Screen) -> CancellationToken {
    token_with(
        screen,
        "stopping: cancelling on the server, then the report of what was read; Ctrl-C again to kill",
    )
}

/// As [`token`], saying this when it happens.
pub(crate) fn token_with(screen: &Screen, note: &'static str) -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let screen = screen.clone();
    tokio::spawn(async move {
        if !asked_to_stop().await {
            return;
        }
        cancelled.cancel();
        screen.note(note);
        if asked_to_stop().await {
            screen.incident.failed(ErrorKind::Cancelled);
            screen.incident.finish("130", &screen);
            #[expect(clippy::exit, reason = "the user asked twice")]
            std::process::exit(130);
        }
    });
    token
}

/// Resolves when the process is asked to stop; `false` where that cannot be heard.
async fn asked_to_stop() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                result = tokio::signal::ctrl_c() => result.is_ok(),
                Some(()) = terminate.recv() => true,
            },
            Err(_) => tokio::signal::ctrl_c().await.is_ok(),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.is_ok()
}
