//! Opens connections to an engine; only this module knows sockets, TCP and ssh.
//!
//! HTTP over a connection is done by [`super::transport`], and TLS by [`super::tls`].

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::Stdio;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, oneshot};

use super::Result;
use super::connect::Endpoint;
use crate::base::say;

/// How many bytes of ssh's error output are kept.
const SAID_LIMIT: usize = 4096;

/// How long to wait for ssh's last error output.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConnectFailure {
    /// The message: a lowercase fragment, safe to print.
    pub message: String,
    /// A hint to the user.
    pub hint: Option<String>,
}

impl ConnectFailure {
    /// A failure with a hint.
    pub fn new(message: impl Into<String>, hint: &str) -> Self {
        Self { message: message.into(), hint: Some(hint.to_owned()) }
    }
}

/// Opens connections to one engine; the requested address is ignored.
#[derive(Clone)]
pub struct Connector {
    way: Way,
    patience: Duration,
    said: Arc<Said>,
    neighbour: Arc<LocalDaemon>,
}

/// The error output of ssh.
#[derive(Default)]
pub struct Said {
    text: Mutex<String>,
    ended: Notify,
}

impl Said {
    /// The whole error output, once ssh has closed the stream or a short time has passed. The
    /// session may end before its error output arrives.
    pub async fn text(&self) -> String {
        let _ = tokio::time::timeout(LAST_WORDS, self.ended.notified()).await;
        self.text.lock().map(|text| text.clone()).unwrap_or_default()
    }
}

#[derive(Clone)]
enum Way {
    Unix(std::path::PathBuf),
    Tcp(String, u16),
    #[cfg(feature = "tls")]
    Tls(String, u16, super::tls::Client),
    Ssh(Vec<String>),
}

impl Connector {
    /// A connector with a timeout.
    pub fn new(endpoint: &Endpoint, patience: Duration) -> Result<Self> {
        let way = match endpoint {
            Endpoint::Unix(path) => Way::Unix(path.clone()),
            Endpoint::Tcp { host, port } => Way::Tcp(host.clone(), *port),
            #[cfg(feature = "tls")]
            Endpoint::Tls { host, port, tls } => {
                Way::Tls(host.clone(), *port, super::tls::Client::new(host, tls)?)
            }
            #[cfg(not(feature = "tls"))]
            Endpoint::Tls { .. } => {
                return Err(super::EngineError {
                    kind: super::ErrorKind::Unreachable,
                    doing: "connecting to the engine".into(),
                    message: "this bayplan was built without TLS".into(),
                    hint: Some("build it with the feature `tls`, or use ssh://".into()),
                });
            }
            Endpoint::Ssh { user, host, port, socket } => {
                Way::Ssh(ssh_arguments(user.as_deref(), host, *port, socket.as_deref()))
            }
        };
        Ok(Self { way, patience, said: Arc::default(), neighbour: Arc::default() })
    }

    /// The error output of ssh; empty for other endpoints.
    pub fn said(&self) -> Arc<Said> {
        Arc::clone(&self.said)
    }

    /// Whether the connections show that the engine runs on this host.
    pub fn neighbour(&self) -> Arc<LocalDaemon> {
        Arc::clone(&self.neighbour)
    }

    async fn open(self) -> std::result::Result<Box<dyn Duplex>, ConnectFailure> {
        match self.way {
            Way::Unix(path) => match UnixStream::connect(&path).await {
                Ok(stream) => {
                    self.neighbour.meet(&stream);
                    Ok(Box::new(stream))
                }
                Err(error) => Err(unix_failure(&path, &error)),
            },
            Way::Tcp(host, port) => Ok(Box::new(tcp(&host, port).await?)),
            #[cfg(feature = "tls")]
            Way::Tls(host, port, client) => {
                let stream = tcp(&host, port).await?;
                Ok(Box::new(client.handshake(stream).await?))
            }
            Way::Ssh(arguments) => Ok(Box::new(ssh(&arguments, self.said)?)),
        }
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Link>;
    type Error = ConnectFailure;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Self::Response, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        let patience = self.patience;
        Box::pin(async move {
            match tokio::time::timeout(patience, connector.open()).await {
                Ok(stream) => Ok(TokioIo::new(Link(stream?))),
                Err(_) => Err(ConnectFailure::new(
                    format!("no connection within {patience:?}"),
                    "is the host up, and does a firewall let you through?",
                )),
            }
        })
    }
}

/// Docker's daemon, if it certainly runs under this kernel.
///
/// A socket may lead to a remote engine: through a proxy, an ssh client or a virtual machine. A
/// socket from a service manager may do so too. Therefore only a daemon process at the other end of
/// a socket counts.
#[derive(Debug, Default)]
pub struct LocalDaemon {
    /// The process ID of the daemon; 0: no daemon was seen.
    pid: AtomicI32,
}

impl LocalDaemon {
    fn meet(&self, stream: &UnixStream) {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid()).filter(|pid| {
            let comm = std::fs::read(format!("/proc/{pid}/comm"));
            comm.is_ok_and(|comm| comm.trim_ascii_end() == b"dockerd")
        });
        self.pid.store(pid.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Whether the daemon uses the local clock.
    pub fn shares_clock(&self) -> bool {
        self.pid.load(Ordering::Relaxed) != 0
    }

    /// Whether the daemon sees the local file system: the same mounts from the same root.
    pub fn shares_files(&self) -> bool {
        self.shares("ns/mnt") && self.shares("root")
    }

    /// Whether the daemon is in the local network namespace.
    pub fn shares_network(&self) -> bool {
        self.shares("ns/net")
    }

    fn shares(&self, what: &str) -> bool {
        let pid = self.pid.load(Ordering::Relaxed);
        let of = |who: &str| std::fs::read_link(format!("/proc/{who}/{what}")).ok();
        let its = of(&pid.to_string());
        pid != 0 && its.is_some() && its == of("self")
    }
}

fn unix_failure(path: &Path, error: &io::Error) -> ConnectFailure {
    let path = say::safe(&path.display().to_string());
    match error.kind() {
        io::ErrorKind::NotFound => ConnectFailure::new(
            format!("there is no socket at {path}"),
            "is the engine running? --host, --context or DOCKER_HOST say where it is",
        ),
        io::ErrorKind::PermissionDenied => ConnectFailure::new(
            format!("no permission to use the socket at {path}"),
            "run as a user who may, such as a member of the group that owns the socket",
        ),
        io::ErrorKind::ConnectionRefused => ConnectFailure::new(
            format!("nobody listens at the socket {path}"),
            "start the engine; the socket is left over from an earlier run",
        ),
        _ => ConnectFailure::new(
            format!("cannot use the socket at {path}: {error}"),
            "--host, --context or DOCKER_HOST say where the engine is",
        ),
    }
}

async fn tcp(host: &str, port: u16) -> std::result::Result<TcpStream, ConnectFailure> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| {
        let (what, hint) = match error.kind() {
            io::ErrorKind::ConnectionRefused => (
                "the connection was refused".to_owned(),
                "is the engine running, and does it listen on that port?",
            ),
            _ => (say::short(&error.to_string()), "are name and port of the engine right?"),
        };
        ConnectFailure::new(format!("{}:{port}: {what}", say::safe(host)), hint)
    })?;
    // Small requests must be sent at once; a failure of this setting only costs time.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn ssh_arguments(
    user: Option<&str>,
    host: &str,
    port: Option<u16>,
    socket: Option<&str>,
) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["-T", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes"].map(str::to_owned).into();
    if let Some(user) = user {
        arguments.extend(["-l".into(), user.into()]);
    }
    if let Some(port) = port {
        arguments.extend(["-p".into(), port.to_string()]);
    }
    arguments.extend(["--".into(), host.into(), "docker".into()]);
    if let Some(socket) = socket {
        // The remote shell parses this argument.
        let quoted = format!("unix://{socket}").replace('\'', r"'\''");
        arguments.extend(["--host".into(), format!("'{quoted}'")]);
    }
    arguments.extend(["system".into(), "dial-stdio".into()]);
    arguments
}

fn ssh(arguments: &[String], said: Arc<Said>) -> std::result::Result<SshPipe, ConnectFailure> {
    let failure = |error: &io::Error| {
        ConnectFailure::new(
            format!("cannot run `ssh`: {error}"),
            "ssh:// needs the system's ssh client on the PATH",
        )
    };
    let mut child = Command::new("ssh")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failure(&error))?;
    let (Some(input), Some(output), Some(mut errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failure(&io::Error::other("it has no pipes")));
    };
    let (open, closed) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let mut words = pin!(listen(&mut errors, &said));
        let mut closed = pin!(closed);
        tokio::select! {
            () = &mut words => drop(closed.await),
            // The session may end before the error output that explains the end.
            _ = &mut closed => drop(tokio::time::timeout(LAST_WORDS, words).await),
        }
        said.ended.notify_one();
        drop(child);
    });
    Ok(SshPipe { input, output, _open: open })
}

/// Collects ssh's error output until the stream ends.
async fn listen(errors: &mut ChildStderr, said: &Said) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        if let Ok(mut text) = said.text.lock()
            && text.len() < SAID_LIMIT
        {
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }
    said.ended.notify_one();
}

/// Both directions of a connection.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub struct Link(Box<dyn Duplex>);

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// The pipes of a running `ssh` process, which is killed when the pipes are dropped.
struct SshPipe {
    input: ChildStdin,
    output: ChildStdout,
    /// Signals by being dropped that the session is no longer needed.
    _open: oneshot::Sender<()>,
}

/// Delegates reading and writing to fields.
macro_rules! hand_on {
    ($type:ty, $read:tt, $write:tt) => {
        impl AsyncRead for $type {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.$read).poll_read(cx, buffer)
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.$write).poll_write(cx, bytes)
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.$write).poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.$write).poll_shutdown(cx)
            }
        }
    };
}

hand_on!(Link, 0, 0);
hand_on!(SshPipe, output, input);
