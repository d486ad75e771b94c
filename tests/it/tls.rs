//! TLS to an engine, with an authority made for the test: what must work does, and whatever is
//! wrong is one clear error.

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::gate::Authority;
use crate::program::{Ran, run, script};

const SPEC: &str = "project: shop\ncontainers: {web: {name: web, state: absent}}\n";

fn empty(line: &str) -> Reply {
    match line {
        "GET /info" => Reply::json(&json!({"ID": "E", "Name": "fake"})),
        "GET /networks" | "GET /containers/json?all=1" => Reply::json(&json!([])),
        "GET /volumes" => Reply::json(&json!({"Volumes": null})),
        _ => unknown(),
    }
}

/// A fake engine behind TLS that wants certificates of its authority, and a folder of a user.
struct Secured {
    _engine: FakeEngine,
    authority: Authority,
    port: u16,
    home: TempDir,
}

impl Secured {
    async fn start() -> Self {
        let engine = FakeEngine::start(|line, _| empty(line));
        let authority = Authority::new("harbour");
        let port = authority.open_gate(engine.socket()).await;
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("spec.yaml"), SPEC).unwrap();
        authority.write(&home.path().join("certs"));
        Self { _engine: engine, authority, port, home }
    }

    fn url(&self) -> String {
        format!("tcp://localhost:{}", self.port)
    }

    async fn plan(&self, variables: &[(&str, &str)], more: &[&str]) -> Ran {
        run(self.home.path(), variables, &[&["plan", "spec.yaml"], more].concat()).await
    }
}

const CERTS: &[&str] =
    &["--tlscacert=certs/ca.pem", "--tlscert=certs/cert.pem", "--tlskey=certs/key.pem"];

/// The error of a run, its port taken out.
fn error(ran: &Ran, secured: &Secured) -> String {
    assert_eq!(ran.code, 8, "{}", ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
    ran.err.replace(&secured.port.to_string(), "PORT")
}

#[tokio::test]
async fn flags_variables_and_contexts_bring_certificates() {
    let secured = Secured::start().await;
    let url = secured.url();
    let flags = secured.plan(&[], &[&["--host", &url, "--tlsverify"], CERTS].concat()).await;
    assert_eq!(flags.code, 0, "{}", flags.err);
    assert!(flags.out.contains("no action taken"), "{}", flags.out);

    let variables =
        [("DOCKER_HOST", url.as_str()), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "certs")];
    let variables = secured.plan(&variables, &[]).await;
    assert_eq!((variables.code, &variables.out), (0, &flags.out), "{}", variables.err);

    let contexts = secured.home.path().join(".docker/contexts");
    let folder = crate::contexts::write(&secured.home.path().join(".docker"), "bay", &url);
    secured.authority.write(&contexts.join("tls").join(&folder).join("docker"));
    let context = secured.plan(&[], &["--context", "bay"]).await;
    assert_eq!((context.code, &context.out), (0, &flags.out), "{}", context.err);
}

#[tokio::test]
async fn an_engine_of_another_authority_is_not_believed() {
    let secured = Secured::start().await;
    Authority::new("pirates").write(&secured.home.path().join("other"));
    let url = secured.url();
    let args = ["--host", &url, "--tlsverify", "--tlscacert=other/ca.pem"];
    let ran = secured.plan(&[], &[&args, &CERTS[1..]].concat()).await;
    insta::assert_snapshot!(error(&ran, &secured), @"
    error: connecting to the engine at tcp://localhost:PORT
    caused by: the engine's certificate cannot be trusted (invalid peer certificate: UnknownIssuer)
    hint: is it signed by the authority in ca.pem? see --tlscacert and DOCKER_CERT_PATH
    ");

    // `--tls` alone believes whoever answers.
    let ran = secured.plan(&[], &[&["--host", &url, "--tls"], CERTS].concat()).await;
    assert_eq!(ran.code, 0, "{}", ran.err);

    let address = format!("tcp://127.0.0.1:{}", secured.port);
    let ran = secured.plan(&[], &[&["--host", &address, "--tlsverify"], CERTS].concat()).await;
    insta::assert_snapshot!(error(&ran, &secured), @r#"
    error: connecting to the engine at tcp://127.0.0.1:PORT
    caused by: the engine's certificate is for another name (invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost"))
    hint: address the engine by a name that is in its certificate
    "#);
}

#[tokio::test]
async fn a_client_that_the_engine_does_not_trust_is_told_so() {
    let secured = Secured::start().await;
    Authority::new("pirates").write(&secured.home.path().join("other"));
    let url = secured.url();
    let none = secured.plan(&[], &["--host", &url, "--tlsverify", CERTS[0]]).await;
    insta::assert_snapshot!(error(&none, &secured), @"
    error: connecting to the engine at tcp://localhost:PORT
    caused by: the engine wants a client certificate that it trusts (received fatal alert: CertificateRequired)
    hint: see --tlscert, --tlskey and DOCKER_CERT_PATH; the engine's own authority must have signed it
    ");
    let args = [
        "--host",
        &url,
        "--tlsverify",
        CERTS[0],
        "--tlscert=other/cert.pem",
        "--tlskey=other/key.pem",
    ];
    let wrong = secured.plan(&[], &args).await;
    insta::assert_snapshot!(error(&wrong, &secured), @"
    error: connecting to the engine at tcp://localhost:PORT
    caused by: the engine wants a client certificate that it trusts (received fatal alert: UnknownCA)
    hint: see --tlscert, --tlskey and DOCKER_CERT_PATH; the engine's own authority must have signed it
    ");
}

#[tokio::test]
async fn tls_and_plain_tcp_do_not_meet() {
    let secured = Secured::start().await;
    let url = secured.url();
    let plain = secured.plan(&[], &["--host", &url]).await;
    insta::assert_snapshot!(error(&plain, &secured), @"
    error: connecting to the engine at tcp://localhost:PORT
    caused by: the connection broke before the engine had answered
    hint: is it a Docker engine? if it wants TLS, say --tlsverify or set DOCKER_TLS_VERIFY
    ");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.read(&mut [0; 64]).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let url = format!("tcp://localhost:{port}");
    let ran = secured.plan(&[], &[&["--host", &url, "--tlsverify"], CERTS].concat()).await;
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!(ran.err.replace(&port.to_string(), "PORT"), @"
    error: connecting to the engine at tcp://localhost:PORT
    caused by: expected TLS, but whoever listens there speaks something else (received corrupt message of type InvalidContentType)
    hint: does the engine speak TLS on that port? if not, leave out --tlsverify, --tls and DOCKER_TLS_VERIFY
    ");
}

#[tokio::test]
async fn files_that_hold_no_certificate_are_named_and_not_quoted() {
    let secured = Secured::start().await;
    script(secured.home.path(), "certs/key.pem", "hunter2");
    let url = secured.url();
    let ran = secured.plan(&[], &[&["--host", &url, "--tlsverify"], CERTS].concat()).await;
    insta::assert_snapshot!(error(&ran, &secured), @"
    error: preparing TLS
    caused by: expected a private key in certs/key.pem, but it holds none that could be read
    hint: see DOCKER_CERT_PATH, --tlscacert, --tlscert and --tlskey
    ");
    let ran = secured.plan(&[], &["--host", &url, "--tlsverify", "--tlscacert=no.pem"]).await;
    insta::assert_snapshot!(error(&ran, &secured), @"
    error: preparing TLS
    caused by: expected certificates in no.pem, but No such file or directory (os error 2)
    hint: see DOCKER_CERT_PATH, --tlscacert, --tlscert and --tlskey
    ");
}
