//! Events over a WebSocket: one JSON text a [`umbel_api::NodeEvent`].

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use super::Server;
use super::routes::too_many;

/// Longest message a page may send; it has nothing to say.
const MAX_INCOMING_BYTES: usize = 1024;

pub(super) async fn events(State(server): State<Server>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(permit) = std::sync::Arc::clone(&server.sockets).try_acquire_owned() else { return too_many() };
    upgrade.max_message_size(MAX_INCOMING_BYTES).on_upgrade(move |socket| async move {
        forward(socket, server).await;
        drop(permit);
    })
}

/// Sends events until the page is gone or the node stops. Each event carries the whole state of its subject: lost ones
/// are made up for by the next.
async fn forward(mut socket: WebSocket, mut server: Server) {
    let mut events = server.events.subscribe();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    let Ok(text) = serde_json::to_string(&event) else { continue };
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = stopped(&mut server.stopping) => break,
        }
    }
    // A page that is gone already needs no farewell.
    let _ =
        socket.send(Message::Close(Some(CloseFrame { code: close_code::AWAY, reason: "the node stops".into() }))).await;
}

/// Waits until the server stops; a dropped sender means the same.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        if stopping.changed().await.is_err() {
            return;
        }
    }
}
