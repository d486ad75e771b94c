//! One changing call: its own bollard client over our transport, and the observations of the
//! transport.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::BodyExt;

use super::EVER;
use crate::engine::transport::{self, ERROR_LIMIT, Transport};
use crate::engine::{Done, EngineError, ErrorKind, Result};

/// The observations of the transport during one call.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) status: Mutex<Option<StatusCode>>,
    pub(super) failure: Mutex<Option<EngineError>>,
}

/// Locks a mutex, even if another holder panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One call: its client and the observations of the transport.
pub(super) struct Call {
    pub(super) client: bollard::Docker,
    pub(super) seen: Arc<Seen>,
    pub(super) doing: String,
}

impl Call {
    pub(super) fn new(transport: &Transport, doing: String) -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let (shared, noted, what) = (transport.clone(), Arc::clone(&seen), doing.clone());
        let carry = move |request: bollard::BollardRequest| {
            let (transport, seen, what) = (shared.clone(), Arc::clone(&noted), what.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.map_err(std::io::Error::other).boxed_unsync();
                let answer = transport.send(&what, Request::from_parts(parts, body)).await;
                let failure = match answer {
                    Ok(response) => {
                        let status = response.status();
                        *lock(&seen.status) = Some(status);
                        if status.is_success() || status == StatusCode::NOT_MODIFIED {
                            return Ok(response);
                        }
                        // Bollard would collect any other answer, however long it is.
                        let body = transport::whole(&what, response.into_body(), ERROR_LIMIT).await;
                        transport::refused(&what, status, &body.unwrap_or_default())
                    }
                    Err(error) => error,
                };
                *lock(&seen.failure) = Some(failure);
                Err(std::io::Error::other("see what the transport noted").into())
            }
        };
        // The caller sets deadlines, because bollard's timeout covers only the headers.
        let ever = EVER.as_secs();
        let client = bollard::Docker::connect_with_custom_transport(
            carry,
            Some("http://localhost"),
            ever,
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| protocol(&doing, &error.to_string()))?;
        Ok(Self { client, seen, doing })
    }

    /// The error of a call: bollard says only that there is one.
    fn error(&self) -> EngineError {
        lock(&self.seen.failure).take().unwrap_or_else(|| transport::broken(&self.doing))
    }

    /// Waits for the end of a call without a response body, at most `patience`.
    pub(super) async fn done(
        self,
        patience: Duration,
        call: impl Future<Output = std::result::Result<(), bollard::errors::Error>>,
    ) -> Result<Done> {
        match tokio::time::timeout(patience, call).await {
            Err(_) => Err(late(&self.doing, patience)),
            Ok(Err(_)) => Err(self.error()),
            Ok(Ok(())) if *lock(&self.seen.status) == Some(StatusCode::NOT_MODIFIED) => {
                Ok(Done::Already)
            }
            Ok(Ok(())) => Ok(Done::Now),
        }
    }
}

pub(super) fn late(doing: &str, patience: Duration) -> EngineError {
    EngineError {
        kind: ErrorKind::Interrupted,
        doing: doing.to_owned(),
        message: format!("the engine did not answer within {patience:?}"),
        hint: None,
    }
}

pub(super) fn protocol(doing: &str, message: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::Protocol,
        doing: doing.to_owned(),
        message: transport::said(message),
        hint: None,
    }
}
