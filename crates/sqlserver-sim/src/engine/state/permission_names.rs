//! The names of permissions: on which class of securable each exists, since which version, and its four-letter code.
//!
//! Who holds a permission, and what it implies, is the business of `permission`.

use super::permission::Securable;
use super::version::Version;
use Version::{V2008R2, V2012, V2014, V2016, V2022};

type Row = (&'static str, &'static str, Version);

const SERVER: &[Row] = &[
    ("ADMINISTER BULK OPERATIONS", "ADBO", V2008R2),
    ("ALTER ANY AVAILABILITY GROUP", "ALAG", V2012),
    ("ALTER ANY CONNECTION", "ALCO", V2008R2),
    ("ALTER ANY CREDENTIAL", "ALCD", V2008R2),
    ("ALTER ANY DATABASE", "ALDB", V2008R2),
    ("ALTER ANY ENDPOINT", "ALHE", V2008R2),
    ("ALTER ANY EVENT NOTIFICATION", "ALES", V2008R2),
    ("ALTER ANY EVENT SESSION", "AAES", V2008R2),
    ("ALTER ANY LINKED SERVER", "ALLS", V2008R2),
    ("ALTER ANY LOGIN", "ALLG", V2008R2),
    ("ALTER ANY SERVER AUDIT", "ALAA", V2008R2),
    ("ALTER ANY SERVER ROLE", "ALSR", V2012),
    ("ALTER RESOURCES", "ALRS", V2008R2),
    ("ALTER SERVER STATE", "ALSS", V2008R2),
    ("ALTER SETTINGS", "ALST", V2008R2),
    ("ALTER TRACE", "ALTR", V2008R2),
    ("AUTHENTICATE SERVER", "AUTH", V2008R2),
    ("CONNECT ANY DATABASE", "CADB", V2014),
    ("CONNECT SQL", "COSQ", V2008R2),
    ("CONTROL SERVER", "CL", V2008R2),
    ("CREATE ANY DATABASE", "CRDB", V2008R2),
    ("CREATE AVAILABILITY GROUP", "CRAC", V2012),
    ("CREATE DDL EVENT NOTIFICATION", "CRDE", V2008R2),
    ("CREATE ENDPOINT", "CRHE", V2008R2),
    ("CREATE LOGIN", "CRLG", V2022),
    ("CREATE SERVER ROLE", "CRSR", V2012),
    ("CREATE TRACE EVENT NOTIFICATION", "CRTE", V2008R2),
    ("EXTERNAL ACCESS ASSEMBLY", "XA", V2008R2),
    ("IMPERSONATE ANY LOGIN", "IAL", V2014),
    ("SELECT ALL USER SECURABLES", "SUS", V2014),
    ("SHUTDOWN", "SHDN", V2008R2),
    ("UNSAFE ASSEMBLY", "XU", V2008R2),
    ("VIEW ANY DATABASE", "VWDB", V2008R2),
    ("VIEW ANY DEFINITION", "VWAD", V2008R2),
    ("VIEW ANY ERROR LOG", "VAEL", V2022),
    ("VIEW ANY PERFORMANCE DEFINITION", "VAPD", V2022),
    ("VIEW ANY SECURITY DEFINITION", "VASD", V2022),
    ("VIEW SERVER PERFORMANCE STATE", "VSPS", V2022),
    ("VIEW SERVER SECURITY STATE", "VSSS", V2022),
    ("VIEW SERVER STATE", "VWSS", V2008R2),
];

const DATABASE: &[Row] = &[
    ("ALTER", "AL", V2008R2),
    ("ALTER ANY APPLICATION ROLE", "ALAR", V2008R2),
    ("ALTER ANY ASSEMBLY", "ALAS", V2008R2),
    ("ALTER ANY ASYMMETRIC KEY", "ALAK", V2008R2),
    ("ALTER ANY CERTIFICATE", "ALCF", V2008R2),
    ("ALTER ANY CONTRACT", "ALSC", V2008R2),
    ("ALTER ANY DATABASE AUDIT", "ALDA", V2008R2),
    ("ALTER ANY DATABASE DDL TRIGGER", "ALTG", V2008R2),
    ("ALTER ANY DATABASE EVENT NOTIFICATION", "ALED", V2008R2),
    ("ALTER ANY DATASPACE", "ALDS", V2008R2),
    ("ALTER ANY FULLTEXT CATALOG", "ALFT", V2008R2),
    ("ALTER ANY MESSAGE TYPE", "ALMT", V2008R2),
    ("ALTER ANY REMOTE SERVICE BINDING", "ALSB", V2008R2),
    ("ALTER ANY ROLE", "ALRL", V2008R2),
    ("ALTER ANY ROUTE", "ALRT", V2008R2),
    ("ALTER ANY SCHEMA", "ALSM", V2008R2),
    ("ALTER ANY SECURITY POLICY", "ALSP", V2016),
    ("ALTER ANY SERVICE", "ALSV", V2008R2),
    ("ALTER ANY SYMMETRIC KEY", "ALSK", V2008R2),
    ("ALTER ANY USER", "ALUS", V2008R2),
    ("AUTHENTICATE", "AUTH", V2008R2),
    ("BACKUP DATABASE", "BADB", V2008R2),
    ("BACKUP LOG", "BALO", V2008R2),
    ("CHECKPOINT", "CP", V2008R2),
    ("CONNECT", "CO", V2008R2),
    ("CONNECT REPLICATION", "CORP", V2008R2),
    ("CONTROL", "CL", V2008R2),
    ("CREATE AGGREGATE", "CRAG", V2008R2),
    ("CREATE ASSEMBLY", "CRAS", V2008R2),
    ("CREATE ASYMMETRIC KEY", "CRAK", V2008R2),
    ("CREATE CERTIFICATE", "CRCF", V2008R2),
    ("CREATE CONTRACT", "CRSC", V2008R2),
    ("CREATE DATABASE", "CRDB", V2008R2),
    ("CREATE DATABASE DDL EVENT NOTIFICATION", "CRED", V2008R2),
    ("CREATE DEFAULT", "CRDF", V2008R2),
    ("CREATE FULLTEXT CATALOG", "CRFT", V2008R2),
    ("CREATE FUNCTION", "CRFN", V2008R2),
    ("CREATE MESSAGE TYPE", "CRMT", V2008R2),
    ("CREATE PROCEDURE", "CRPR", V2008R2),
    ("CREATE QUEUE", "CRQU", V2008R2),
    ("CREATE REMOTE SERVICE BINDING", "CRSB", V2008R2),
    ("CREATE ROLE", "CRRL", V2008R2),
    ("CREATE ROUTE", "CRRT", V2008R2),
    ("CREATE RULE", "CRRU", V2008R2),
    ("CREATE SCHEMA", "CRSM", V2008R2),
    ("CREATE SERVICE", "CRSV", V2008R2),
    ("CREATE SYMMETRIC KEY", "CRSK", V2008R2),
    ("CREATE SYNONYM", "CRSN", V2008R2),
    ("CREATE TABLE", "CRTB", V2008R2),
    ("CREATE TYPE", "CRTY", V2008R2),
    ("CREATE USER", "CUSR", V2022),
    ("CREATE VIEW", "CRVW", V2008R2),
    ("CREATE XML SCHEMA COLLECTION", "CRXS", V2008R2),
    ("DELETE", "DL", V2008R2),
    ("EXECUTE", "EX", V2008R2),
    ("INSERT", "IN", V2008R2),
    ("REFERENCES", "RF", V2008R2),
    ("SELECT", "SL", V2008R2),
    ("SHOWPLAN", "SPLN", V2008R2),
    ("SUBSCRIBE QUERY NOTIFICATIONS", "SUQN", V2008R2),
    ("TAKE OWNERSHIP", "TO", V2008R2),
    ("UNMASK", "UMSK", V2016),
    ("UPDATE", "UP", V2008R2),
    ("VIEW DATABASE PERFORMANCE STATE", "VDP", V2022),
    ("VIEW DATABASE SECURITY STATE", "VDS", V2022),
    ("VIEW DATABASE STATE", "VWDS", V2008R2),
    ("VIEW DEFINITION", "VW", V2008R2),
    ("VIEW PERFORMANCE DEFINITION", "VWP", V2022),
    ("VIEW SECURITY DEFINITION", "VWS", V2022),
];

const ENDPOINT: &[Row] = &[
    ("ALTER", "AL", V2008R2),
    ("CONNECT", "CO", V2008R2),
    ("CONTROL", "CL", V2008R2),
    ("TAKE OWNERSHIP", "TO", V2008R2),
    ("VIEW DEFINITION", "VW", V2008R2),
];

/// Logins and database users.
const LOGIN: &[Row] = &[
    ("ALTER", "AL", V2008R2),
    ("CONTROL", "CL", V2008R2),
    ("IMPERSONATE", "IM", V2008R2),
    ("VIEW DEFINITION", "VW", V2008R2),
];

const ROLE: &[Row] = &[
    ("ALTER", "AL", V2008R2),
    ("CONTROL", "CL", V2008R2),
    ("TAKE OWNERSHIP", "TO", V2008R2),
    ("VIEW DEFINITION", "VW", V2008R2),
];

const CERTIFICATE: &[Row] = &[
    ("ALTER", "AL", V2008R2),
    ("CONTROL", "CL", V2008R2),
    ("REFERENCES", "RF", V2008R2),
    ("TAKE OWNERSHIP", "TO", V2008R2),
    ("VIEW DEFINITION", "VW", V2008R2),
];

/// On objects, schemas and what else is never found here.
const ELSEWHERE: &[Row] = &[
    ("RECEIVE", "RC", V2008R2),
    ("SEND", "SN", V2008R2),
    ("VIEW CHANGE TRACKING", "VWCT", V2008R2),
    ("CREATE SEQUENCE", "CRSO", V2012),
];

fn of(securable: Securable) -> &'static [Row] {
    match securable {
        Securable::Server => SERVER,
        Securable::Endpoint(_) => ENDPOINT,
        Securable::Login(_) | Securable::User(..) => LOGIN,
        Securable::ServerRole(_) | Securable::Role(..) => ROLE,
        Securable::Database(_) => DATABASE,
        Securable::Certificate(..) => CERTIFICATE,
    }
}

/// Whether a permission of this name exists on this class of securable in this version.
pub fn exists(securable: Securable, name: &str, version: Version) -> bool {
    let rows = of(securable).iter();
    rows.into_iter()
        .any(|(n, _, since)| *n == name && *since <= version)
}

/// Whether any version has it on any class of securable: everything else is a syntax error.
pub fn is_a_permission(name: &str) -> bool {
    let all = [
        SERVER,
        DATABASE,
        ENDPOINT,
        LOGIN,
        ROLE,
        CERTIFICATE,
        ELSEWHERE,
    ];
    all.iter().any(|rows| rows.iter().any(|(n, ..)| *n == name))
}

/// A permission of the server, as opposed to one of the current database, where no securable is named.
pub fn is_of_the_server(name: &str) -> bool {
    SERVER.iter().any(|(n, ..)| *n == name)
}

/// The permissions of a class of securable, in this version.
pub fn names(securable: Securable, version: Version) -> impl Iterator<Item = &'static str> {
    let rows = of(securable).iter();
    rows.filter(move |(_, _, since)| *since <= version)
        .map(|(name, ..)| *name)
}

/// The code, as `type` shows it: blank padded to four.
pub fn type_code(name: &str) -> String {
    let all = [SERVER, DATABASE, LOGIN];
    let found = all
        .iter()
        .find_map(|rows| rows.iter().find(|(n, ..)| *n == name));
    format!("{:<4}", found.map_or("", |(_, code, _)| code))
}
