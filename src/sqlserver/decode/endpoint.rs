//! The mirroring endpoint and what uses it.

use tiberius::Row;

use super::field::{self, Unreadable};
use crate::domain::observation::{
    DatabaseRole, Endpoint, EndpointCertificate, EndpointConnection, EndpointEncryption,
    EndpointRole, EndpointState, MirroredDatabase, PrivateKey,
};
use crate::tsql::sets;

/// `connection_auth` values that take a certificate.
const TAKES_CERTIFICATES: std::ops::RangeInclusive<i32> = 4..=10;

pub(super) fn endpoint(row: &Row) -> Result<Endpoint, Unreadable> {
    let encryption: i32 = field::need(row, "encryption_algorithm")?;
    let encryption_code = u8::try_from(encryption).map_err(|_| {
        format!(
            "column encryption_algorithm of set {} is out of range",
            sets::ENDPOINT
        )
    })?;
    Ok(Endpoint {
        endpoint_id: field::need(row, sets::ENDPOINT)?,
        name: field::name(row, "name")?,
        state: match field::need(row, "state")? {
            0 => EndpointState::Started,
            1 => EndpointState::Stopped,
            _ => EndpointState::Disabled,
        },
        role: match field::need(row, "role")? {
            1 => EndpointRole::Partner,
            2 => EndpointRole::Witness,
            3 => EndpointRole::All,
            _ => EndpointRole::None,
        },
        accepts_certificates: TAKES_CERTIFICATES.contains(&field::need(row, "connection_auth")?),
        authentication: field::opt_text(row, "authentication")?.unwrap_or_default(),
        encryption: EndpointEncryption::from_code(encryption_code),
        encryption_code,
        port: field::opt(row, "port")?,
        owner_principal_id: field::opt(row, "owner_id")?,
        certificate: certificate(row)?,
    })
}

fn certificate(row: &Row) -> Result<Option<EndpointCertificate>, Unreadable> {
    let Some(certificate_id) = field::opt::<i32>(row, "certificate_id")? else {
        return Ok(None);
    };
    Ok(Some(EndpointCertificate {
        certificate_id,
        name: field::name(row, "certificate")?,
        thumbprint: field::thumbprint(row, "thumbprint")?,
        // Its bytes come in a set of their own.
        der: None,
        not_before: field::time(row, "start_date")?,
        not_after: field::time(row, "expiry_date")?,
        private_key: match field::text(row, "private_key")?.as_str() {
            "MK" => PrivateKey::MasterKey,
            "PW" => PrivateKey::Password,
            "SK" => PrivateKey::ServiceMasterKey,
            _ => PrivateKey::None,
        },
    }))
}

pub(super) fn connection(row: &Row) -> Result<EndpointConnection, Unreadable> {
    Ok(EndpointConnection {
        is_accept: field::opt(row, sets::CONNECTION)?.unwrap_or(false),
        is_logged_in: field::need(row, "is_logged_in")?,
        peer_certificate_id: field::opt(row, "peer_certificate_id")?,
        principal_name: field::opt_text(row, "principal_name")?,
        login_time: field::opt_time(row, "login_time")?,
    })
}

pub(super) fn database(row: &Row) -> Result<MirroredDatabase, Unreadable> {
    Ok(MirroredDatabase {
        name: field::text(row, sets::DATABASE)?,
        role: match field::opt(row, "role")? {
            Some(1) => DatabaseRole::Principal,
            _ => DatabaseRole::Mirror,
        },
        state: field::opt_text(row, "state")?,
        safety: field::opt_text(row, "safety")?,
        has_witness: field::need(row, "has_witness")?,
    })
}

pub(super) fn witnessed(row: &Row) -> Result<MirroredDatabase, Unreadable> {
    Ok(MirroredDatabase {
        name: field::text(row, sets::WITNESSED)?,
        role: DatabaseRole::Witness,
        state: None,
        safety: field::opt_text(row, "safety")?,
        has_witness: true,
    })
}
