//! Whether an address is accepted, and whether it needs a code. Pure.

use crate::email::Address;

/// When a company wants a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePolicy {
    /// A code, always.
    Always,
    /// None for an address that is in a verified domain and on the HRM record.
    VerifiedDomains,
    /// None for any address on the HRM record.
    Never,
}

impl CodePolicy {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::VerifiedDomains => "verified_domains",
            Self::Never => "never",
        }
    }

    /// Reads the word; anything unknown is the strictest.
    pub fn read(word: &str) -> Self {
        [Self::VerifiedDomains, Self::Never].into_iter().find(|p| p.as_str() == word).unwrap_or(Self::Always)
    }
}

/// What a company says about addresses. Domains are spelled as by [`crate::email::domain_key`].
#[derive(Debug, Clone)]
pub struct Policy {
    /// When a code is needed.
    pub code: CodePolicy,
    /// Domains that the company has verified with Visma Connect.
    pub verified_domains: Vec<String>,
    /// If there are any, only addresses in them are accepted.
    pub allowed_domains: Vec<String>,
}

/// How an address gets proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By a code sent to it.
    Code,
    /// By the company: no code.
    Company,
}

/// The company does not accept addresses in this domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainNotAllowed;

impl Policy {
    /// How `address` is proved for an employee with the addresses `on_record`.
    ///
    /// # Errors
    /// [`DomainNotAllowed`] if the company lists allowed domains and this is in none.
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
        assert_eq!(CodePolicy::read("verified_domains"), CodePolicy::VerifiedDomains);
        assert_eq!(CodePolicy::read("nonsense"), CodePolicy::Always);
    }
}
