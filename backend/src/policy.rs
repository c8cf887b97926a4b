//! Whether an address is accepted, and whether it needs a code.

use crate::email::Address;

/// When a company requires a code. An unknown database word is read as `Always`, the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CodePolicy {
    #[default]
    Always,
    /// No code for an address that is in a verified domain and on the HRM record.
    VerifiedDomains,
    /// No code for any address on the HRM record.
    Never,
}

/// A company's policy on addresses. Domains are normalised by [`crate::email::domain_key`].
#[derive(Debug, Clone)]
pub struct Policy {
    pub code: CodePolicy,
    /// Domains that the company has verified with Visma Connect.
    pub verified_domains: Vec<String>,
    /// If not empty, only addresses in these domains are accepted.
    pub allowed_domains: Vec<String>,
}

/// How an address is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    Code,
    /// The company's policy trusts it without a code.
    Company,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainNotAllowed;

impl Policy {
    /// How `address` is verified for an employee with the addresses `on_record`.
    ///
    /// # Errors
    /// [`DomainNotAllowed`] if the company lists allowed domains without this one.
    pub fn proof_for(&self, address: &Address, on_record: &[Address]) -> Result<Proof, DomainNotAllowed> {
        let listed = |domains: &[String]| domains.iter().any(|domain| domain == address.domain());
        if !self.allowed_domains.is_empty() && !listed(&self.allowed_domains) {
            return Err(DomainNotAllowed);
        }
        let known = on_record.iter().any(|other| other.is_same_without_case(address));
        let no_code = match self.code {
            CodePolicy::Always => false,
            CodePolicy::VerifiedDomains => known && listed(&self.verified_domains),
            CodePolicy::Never => known,
        };
        Ok(if no_code { Proof::Company } else { Proof::Code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(code: CodePolicy) -> Policy {
        Policy { code, verified_domains: vec!["verified.example".into()], allowed_domains: vec![] }
    }

    fn proof(code: CodePolicy, address: &str) -> Proof {
        let record = ["erik@verified.example", "erik@home.example"].map(|a| Address::parse(a).unwrap());
        policy(code).proof_for(&Address::parse(address).unwrap(), &record).unwrap()
    }

    #[test]
    fn always_means_a_code_for_every_address() {
        assert_eq!(proof(CodePolicy::Always, "erik@verified.example"), Proof::Code);
    }

    #[test]
    fn a_verified_domain_needs_no_code_for_an_address_on_the_record() {
        assert_eq!(proof(CodePolicy::VerifiedDomains, "Erik@VERIFIED.example"), Proof::Company);
        assert_eq!(proof(CodePolicy::VerifiedDomains, "boss@verified.example"), Proof::Code);
        assert_eq!(proof(CodePolicy::VerifiedDomains, "erik@home.example"), Proof::Code);
    }

    #[test]
    fn never_means_no_code_for_any_address_on_the_record() {
        assert_eq!(proof(CodePolicy::Never, "erik@home.example"), Proof::Company);
        assert_eq!(proof(CodePolicy::Never, "stranger@home.example"), Proof::Code);
    }

    #[test]
    fn with_allowed_domains_no_other_is_accepted() {
        let mut policy = policy(CodePolicy::Never);
        policy.allowed_domains = vec!["company.com".into()];
        let home = Address::parse("erik@home.example").unwrap();
        assert_eq!(policy.proof_for(&home, std::slice::from_ref(&home)), Err(DomainNotAllowed));
        assert!(policy.proof_for(&Address::parse("e@Company.com").unwrap(), &[]).is_ok());
    }

    #[test]
    fn an_unknown_policy_word_is_read_as_the_strictest() {
        assert_eq!("verified_domains".parse(), Ok(CodePolicy::VerifiedDomains));
        assert_eq!("nonsense".parse::<CodePolicy>().unwrap_or_default(), CodePolicy::Always);
    }
}
