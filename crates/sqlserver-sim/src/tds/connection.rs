//! The thin loop between sockets, a [`Conversation`] and a session: the only place of TDS with I/O.
//!
//! No protocol decision is made here.

use std::future::{Future, ready};
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::answer::Flow;
use super::conversation::{Conversation, Step};
use super::requests::Request;
use super::rpc;
use crate::protocol::{Item, RpcRequest};
use crate::server_api::{Reply, Server, Session};

/// Items on their way from the engine to the wire.
const CHANNEL: usize = 64;
/// How long the client may take to notice that the connection is being closed.
const LINGER: Duration = Duration::from_secs(1);

/// Serves one connection until either side ends it.
pub async fn serve_connection<S: Server>(server: &S, stream: TcpStream) {
    // Without it a small answer would wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let talk = Conversation::new(server.greeting());
    let mut connection = Connection {
        server,
        stream,
        talk,
        session: None,
    };
    match connection.run().await {
        Ok(End::Orderly) => linger(connection.stream).await,
        Ok(End::AtOnce) => {}
        Err(error) => tracing::debug!(%error, "a connection broke"),
    }
}

/// How a connection ends.
enum End {
    /// All output is out.
    Orderly,
    /// With whatever has been sent.
    AtOnce,
}

/// How a piece of work ended.
enum Driven<T> {
    Finished(T),
    Cancelled,
    Close(End),
}

struct Connection<'a, S: Server> {
    server: &'a S,
    stream: TcpStream,
    talk: Conversation,
    session: Option<S::Session>,
}

impl<S: Server> Connection<'_, S> {
    async fn run(&mut self) -> io::Result<End> {
        loop {
            if let Some(step) = self.talk.next_step() {
                if let Some(end) = self.step(step).await? {
                    return Ok(end);
                }
            } else if self.talk.is_over() && self.talk.output().is_empty() {
                return Ok(End::Orderly);
            } else {
                exchange(&self.stream, &mut self.talk).await?;
            }
        }
    }

    async fn step(&mut self, step: Step) -> io::Result<Option<End>> {
        match step {
            Step::LogIn { request, size } => {
                self.server.count_round_trip(size);
                let work = self.server.log_in(request);
                let outcome = match drive(&self.stream, &mut self.talk, nothing(), work).await? {
                    Driven::Finished(outcome) => outcome,
                    Driven::Cancelled => return Ok(Some(End::AtOnce)),
                    Driven::Close(end) => return Ok(Some(end)),
                };
                let flow = match outcome {
                    Ok((session, items)) => {
                        let flow = self.talk.logged_in(session.spid(), items);
                        self.session = Some(session);
                        flow
                    }
                    Err(items) => self.talk.log_in_refused(items),
                };
                Ok((flow == Flow::HangUp).then_some(End::AtOnce))
            }
            Step::Run {
                request,
                reset,
                size,
            } => {
                self.server.count_round_trip(size);
                self.request(request, reset).await
            }
        }
    }

    async fn request(&mut self, request: Request, reset: bool) -> io::Result<Option<End>> {
        let Some(session) = self.session.as_mut() else {
            return Ok(Some(End::AtOnce));
        };
        if reset {
            session.reset();
        }
        let (reply, items) = mpsc::channel(CHANNEL);
        let driven = match request {
            Request::Batch(text) => {
                drive(
                    &self.stream,
                    &mut self.talk,
                    items,
                    session.batch(text, reply),
                )
                .await?
            }
            Request::Transaction(ask) => {
                drive(
                    &self.stream,
                    &mut self.talk,
                    items,
                    session.transaction(ask, reply),
                )
                .await?
            }
            Request::Procedures(calls) => return self.procedures(calls).await,
            Request::Refused(message) => {
                drive(&self.stream, &mut self.talk, items, refuse(message, reply)).await?
            }
        };
        match driven {
            Driven::Finished(()) => self.talk.batch_ended(),
            Driven::Cancelled => self.cancel(),
            Driven::Close(end) => return Ok(Some(end)),
        }
        Ok(None)
    }

    /// The calls of one message, one after the other.
    async fn procedures(&mut self, calls: Vec<RpcRequest>) -> io::Result<Option<End>> {
        let mut left = calls.len();
        for call in calls {
            let Some(session) = self.session.as_mut() else {
                return Ok(Some(End::AtOnce));
            };
            left -= 1;
            let outputs = rpc::outputs(&call);
            let (reply, items) = mpsc::channel(CHANNEL);
            match drive(
                &self.stream,
                &mut self.talk,
                items,
                session.rpc(call, reply),
            )
            .await?
            {
                Driven::Finished(outcome) => {
                    if self.talk.procedure_ended(&outcome, &outputs, left > 0) != Flow::Continue {
                        break;
                    }
                }
                Driven::Cancelled => {
                    self.cancel();
                    break;
                }
                Driven::Close(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    fn cancel(&mut self) {
        if let Some(session) = self.session.as_mut() {
            session.cancelled();
        }
        self.talk.cancelled();
    }
}

/// Runs `work` to its end, sending what it produces and reading on meanwhile, so that an attention is heard.
async fn drive<T>(
    stream: &TcpStream,
    talk: &mut Conversation,
    mut items: mpsc::Receiver<Item>,
    work: impl Future<Output = T>,
) -> io::Result<Driven<T>> {
    let mut work = pin!(work);
    let mut outcome = None;
    let mut open = true;
    loop {
        // Before waiting: the attention may have come in the same bytes as the request.
        if talk.is_cancelled() {
            return Ok(Driven::Cancelled);
        }
        // In this order: the last branch, which sends a packet that is not full, must be reached only if nothing more comes.
        tokio::select! {
            biased;
            moved = exchange(stream, talk) => moved?,
            done = &mut work, if outcome.is_none() && talk.has_room() => outcome = Some(done),
            item = items.recv(), if open && talk.has_room() => match item.map(|item| talk.item(item)) {
                Some(Flow::HangUp) => return Ok(Driven::Close(End::AtOnce)),
                Some(Flow::Continue | Flow::Stall | Flow::Fatal) => {}
                None => open = false,
            },
            () = ready(()), if talk.has_partial() && outcome.is_none() => talk.flush(),
        }
        if talk.is_over() {
            return finish_output(stream, talk).await.map(Driven::Close);
        }
        if !open && let Some(finished) = outcome.take() {
            return Ok(Driven::Finished(finished));
        }
    }
}

async fn finish_output(stream: &TcpStream, talk: &mut Conversation) -> io::Result<End> {
    while !talk.output().is_empty() {
        exchange(stream, talk).await?;
    }
    Ok(End::Orderly)
}

/// Moves bytes once, in whichever direction is possible. Loses nothing when dropped: it waits for readiness only.
async fn exchange(stream: &TcpStream, talk: &mut Conversation) -> io::Result<()> {
    let interest = if talk.output().is_empty() {
        Interest::READABLE
    } else {
        Interest::READABLE | Interest::WRITABLE
    };
    let ready = stream.ready(interest).await?;
    if ready.is_readable() {
        let mut buffer = [0; 8192];
        match stream.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => talk.receive(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    if ready.is_writable() {
        match stream.try_write(talk.output()) {
            Ok(count) => talk.output_taken(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Ends the connection so that what was sent last still arrives: closing with unread input would reset it.
async fn linger(mut stream: TcpStream) {
    let until_closed = async {
        stream.shutdown().await?;
        let mut buffer = [0; 1024];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut buffer) {
                Ok(0) => return Ok::<_, io::Error>(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
    };
    // Whether the client saw it in time or not, the connection ends here.
    let _ = tokio::time::timeout(LINGER, until_closed).await;
}

async fn refuse(message: crate::protocol::Message, reply: Reply) {
    for item in [
        Item::Message(message),
        Item::Done {
            command: 0,
            rows: None,
            failed: true,
        },
    ] {
        // Nobody listens any more when the connection is being closed.
        let _ = reply.send(item).await;
    }
}

/// A log-in sends its items at once, at its end.
fn nothing() -> mpsc::Receiver<Item> {
    mpsc::channel(1).1
}
