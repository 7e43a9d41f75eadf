//! Grammar of DATABASE_MIRRORING endpoints.

use super::ast::{
    Authentication, Ddl, EncryptionDemand, EndpointEncryption, EndpointRole, EndpointSpec,
    EndpointState,
};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::{Outcome, Raise};

impl Parser<'_> {
    pub(super) fn create_endpoint(&mut self) -> Outcome<Ddl> {
        let mut spec = self.endpoint_head()?;
        self.expect("AS")?;
        self.endpoint_transport(&mut spec)?;
        self.expect("FOR")?;
        self.endpoint_payload(&mut spec)?;
        if spec.role.is_none() || spec.port.is_none() {
            self.at -= 1;
            return Err(self.wrong());
        }
        Ok(Ddl::CreateEndpoint(spec))
    }

    pub(super) fn alter_endpoint(&mut self) -> Outcome<Ddl> {
        let mut spec = self.endpoint_head()?;
        if self.accept("AS") {
            self.endpoint_transport(&mut spec)?;
        }
        if self.accept("FOR") {
            self.endpoint_payload(&mut spec)?;
        }
        Ok(Ddl::AlterEndpoint(spec))
    }

    fn endpoint_head(&mut self) -> Outcome<EndpointSpec> {
        let mut spec = EndpointSpec {
            name: self.name()?,
            ..EndpointSpec::default()
        };
        if self.accept("AUTHORIZATION") {
            spec.owner = Some(self.name()?);
        }
        if self.accept("STATE") {
            self.expect_symbol("=")?;
            spec.state = Some(
                match self.expect_any(&["STARTED", "STOPPED", "DISABLED"])? {
                    "STARTED" => EndpointState::Started,
                    "STOPPED" => EndpointState::Stopped,
                    _ => EndpointState::Disabled,
                },
            );
        }
        Ok(spec)
    }

    fn endpoint_transport(&mut self, spec: &mut EndpointSpec) -> Outcome<()> {
        self.expect("TCP")?;
        self.expect_symbol("(")?;
        loop {
            let option = self.expect_any(&["LISTENER_PORT", "LISTENER_IP"])?;
            self.expect_symbol("=")?;
            if option == "LISTENER_PORT" {
                once(spec.port.is_some(), option, self.line())?;
                spec.port = Some(self.integer()?);
            } else {
                once(spec.listener_ip.is_some(), option, self.line())?;
                spec.listener_ip = Some(self.listener_ip()?);
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")
    }

    /// `ALL`, `(1.2.3.4)` or `('::1')`.
    fn listener_ip(&mut self) -> Outcome<String> {
        if self.accept("ALL") {
            return Ok("ALL".to_owned());
        }
        self.expect_symbol("(")?;
        let mut ip = String::new();
        if let Kind::Text(text, _) = self.kind().clone() {
            self.take();
            ip = text.into_owned();
        } else {
            // The lexer takes 10.20 for one number and .30 for the next.
            while let Kind::Number(digits) = *self.kind() {
                ip.push_str(digits);
                self.take();
            }
            let parts: Vec<_> = ip.split('.').map(str::parse::<u8>).collect();
            if parts.len() != 4 || parts.iter().any(Result::is_err) {
                return Err(self.wrong());
            }
        }
        self.expect_symbol(")")?;
        Ok(ip)
    }

    fn endpoint_payload(&mut self, spec: &mut EndpointSpec) -> Outcome<()> {
        self.expect_any(&["DATABASE_MIRRORING", "DATA_MIRRORING"])?;
        spec.has_payload = true;
        self.expect_symbol("(")?;
        if self.accept_symbol(")") {
            return Ok(());
        }
        loop {
            let option = self.expect_any(&["AUTHENTICATION", "ENCRYPTION", "ROLE"])?;
            self.expect_symbol("=")?;
            match option {
                "AUTHENTICATION" => {
                    once(spec.authentication.is_some(), option, self.line())?;
                    spec.authentication = Some(self.authentication()?);
                }
                "ENCRYPTION" => {
                    once(spec.encryption.is_some(), option, self.line())?;
                    spec.encryption = Some(self.endpoint_encryption()?);
                }
                _ => {
                    once(spec.role.is_some(), option, self.line())?;
                    spec.role = Some(match self.expect_any(&["WITNESS", "PARTNER", "ALL"])? {
                        "WITNESS" => EndpointRole::Witness,
                        "PARTNER" => EndpointRole::Partner,
                        _ => EndpointRole::All,
                    });
                }
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")
    }

    fn authentication(&mut self) -> Outcome<Authentication> {
        let mut found = Authentication {
            windows: None,
            certificate: None,
            certificate_first: self.is_word("CERTIFICATE"),
        };
        loop {
            if found.windows.is_none() && self.accept("WINDOWS") {
                let method = self.accept_any(&["NTLM", "KERBEROS", "NEGOTIATE"]);
                found.windows = Some(method.unwrap_or("NEGOTIATE").to_owned());
            } else if found.certificate.is_none() && self.accept("CERTIFICATE") {
                found.certificate = Some(self.name()?);
            } else if found.windows.is_none() && found.certificate.is_none() {
                return Err(self.wrong());
            } else {
                return Ok(found);
            }
        }
    }

    fn endpoint_encryption(&mut self) -> Outcome<EndpointEncryption> {
        let demand = match self.expect_any(&["DISABLED", "SUPPORTED", "REQUIRED"])? {
            "DISABLED" => EncryptionDemand::Disabled,
            "SUPPORTED" => EncryptionDemand::Supported,
            _ => EncryptionDemand::Required,
        };
        let mut algorithms = Vec::new();
        if demand != EncryptionDemand::Disabled && self.accept("ALGORITHM") {
            let first = self.expect_any(&["AES", "RC4"])?;
            algorithms.push(first.to_owned());
            let other = if first == "AES" { "RC4" } else { "AES" };
            if self.accept(other) {
                algorithms.push(other.to_owned());
            }
        }
        Ok(EndpointEncryption { demand, algorithms })
    }
}

fn once(again: bool, option: &str, line: u32) -> Outcome<()> {
    if again {
        let text = format!("Duplicate parameters have been specified for '{option}'.");
        return Err(Raise::compile(7816, 15, text).at_line(line));
    }
    Ok(())
}
