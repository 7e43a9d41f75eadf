//! What the tests share: small fleets, the topic's statements, and reading answers.

use sqlserver_sim::protocol::{Message, Value};
use sqlserver_sim::{Fleet, Instance, InstanceSpec};

/// Keys of 2048 bits: the tests are about rules, not sizes.
pub fn spec(name: &str) -> InstanceSpec {
    InstanceSpec {
        key_bits: Some(2048),
        ..InstanceSpec::named(name)
    }
}

pub struct World {
    pub fleet: Fleet,
    pub a: Instance,
}

pub async fn one() -> World {
    one_of(spec("HOST_A")).await
}

pub async fn one_of(spec: InstanceSpec) -> World {
    let fleet = Fleet::new().unwrap();
    let a = fleet.start(spec).await.unwrap();
    World { fleet, a }
}

/// Numbers of the errors a batch ends with.
pub async fn errors(instance: &Instance, sql: &str) -> Vec<i32> {
    numbers(&instance.run(sql).await.errors())
}

pub fn numbers(messages: &[Message]) -> Vec<i32> {
    messages.iter().map(|m| m.number).collect()
}

pub async fn ok(instance: &Instance, sql: &str) {
    if let Err(errors) = instance.exec(sql).await {
        panic!("{sql}\n{errors:?}");
    }
}

/// The first column of the first row of the last result set.
pub async fn scalar(instance: &Instance, sql: &str) -> Value {
    let sets = instance
        .exec(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}\n{e:?}"));
    let set = sets.last().expect("a result set");
    set.rows.first().map_or(Value::Null, |r| r[0].clone())
}

pub async fn number(instance: &Instance, sql: &str) -> i64 {
    match scalar(instance, sql).await {
        Value::Int(n) => i64::from(n),
        Value::BigInt(n) => n,
        Value::SmallInt(n) => i64::from(n),
        Value::TinyInt(n) => i64::from(n),
        Value::Bit(b) => i64::from(b),
        other => panic!("{sql}: {other:?} is no number"),
    }
}

pub async fn text(instance: &Instance, sql: &str) -> String {
    match scalar(instance, sql).await {
        Value::Text(text) => text,
        other => panic!("{sql}: {other:?} is no text"),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// The inbound half on `on` for `peer`, one statement per entry.
pub fn inbound(peer: &Instance) -> Vec<String> {
    let name = peer.name();
    let der = hex(&peer
        .endpoint_certificate_der()
        .expect("the peer has an endpoint"));
    vec![
        format!("CREATE LOGIN {name}_login WITH PASSWORD = N'Str0ng!Pass_word';"),
        format!("CREATE USER {name}_user FOR LOGIN {name}_login;"),
        format!("CREATE CERTIFICATE {name}_cert AUTHORIZATION {name}_user FROM BINARY = 0x{der};"),
        format!("GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [{name}_login];"),
    ]
}

pub struct Trio {
    pub fleet: Fleet,
    pub a: Instance,
    pub b: Instance,
    pub w: Instance,
}

/// Three instances with the outbound half done, on ports 7024 to 7026, and `sales` ready to be mirrored from A to B.
pub async fn trio() -> Trio {
    trio_of(|spec| spec).await
}

pub async fn trio_of(change: impl Fn(InstanceSpec) -> InstanceSpec) -> Trio {
    let fleet = Fleet::new().unwrap();
    let mut made = Vec::new();
    for (name, port) in [("HOST_A", 7024), ("HOST_B", 7025), ("HOST_W", 7026)] {
        let instance = fleet.start(change(spec(name))).await.unwrap();
        instance.prepare_outbound(name, port).await.unwrap();
        made.push(instance);
    }
    let [a, b, w] = made.try_into().ok().unwrap();
    a.add_database("sales").await.unwrap();
    b.restore_copy(&a, "sales").await.unwrap();
    Trio { fleet, a, b, w }
}

impl Trio {
    /// All six trusts.
    pub async fn trust_all(&self) {
        let all = [&self.a, &self.b, &self.w];
        for on in all {
            for from in all {
                if on.name() != from.name() {
                    ok(on, &inbound(from).join("\n")).await;
                }
            }
        }
    }

    pub async fn set_partners(&self) -> Vec<i32> {
        ok(
            &self.b,
            "ALTER DATABASE sales SET PARTNER = 'TCP://HOST_A:7024'",
        )
        .await;
        errors(
            &self.a,
            "ALTER DATABASE sales SET PARTNER = N'TCP://host_b:7025'",
        )
        .await
    }

    pub async fn set_witness(&self) -> Vec<i32> {
        errors(
            &self.a,
            "ALTER DATABASE sales SET WITNESS = 'TCP://HOST_W:7026'",
        )
        .await
    }
}
