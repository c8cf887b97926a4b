//! The parts of the OpenAPI document that no handler declares: title, bearer token, and the problems of each call.

use std::collections::BTreeMap;

use hrm_api::ProblemCode::{self, *};
use hrm_api::{Problem, path};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Info, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// The problems of each call. `body_invalid` can be 400, 413 and 415; `unavailable` is added to every call.
pub(super) const PROBLEMS: &[(HttpMethod, &str, &[ProblemCode])] = &[
    (HttpMethod::Post, path::SESSION, &[BadCredentials, TooManyRequests, BodyInvalid]),
    (HttpMethod::Get, path::SESSION, &[SignedOut]),
    (HttpMethod::Delete, path::SESSION, &[SignedOut]),
    (HttpMethod::Get, path::STATE, &[SignedOut]),
    (
        HttpMethod::Post,
        path::CODES,
        &[
            SignedOut,
            IdempotencyKeyMissing,
            IdempotencyKeyReused,
            RequestInProgress,
            BodyInvalid,
            EmailInvalid,
            DomainNotAllowed,
            ResendTooSoon,
            TooManyCodes,
            AlreadyLinked,
            AccountTaken,
            LinkingLocked,
        ],
    ),
    (
        HttpMethod::Post,
        path::VERIFY,
        &[
            SignedOut,
            BodyInvalid,
            CodeFormat,
            CodeWrong,
            CodeExpired,
            AttemptsExhausted,
            NoChallenge,
            AlreadyLinked,
            AccountTaken,
            LinkingLocked,
        ],
    ),
    (HttpMethod::Delete, path::CHALLENGE, &[SignedOut]),
    (HttpMethod::Put, path::SNOOZE, &[SignedOut]),
    (HttpMethod::Get, path::EVENTS, &[SignedOut]),
    (HttpMethod::Post, path::TRY_LOGIN, &[SignedOut, NotLinked, TryLoginOff, TooManyRequests]),
    (HttpMethod::Delete, path::TRY_LOGIN, &[SignedOut, TryLoginOff]),
    (HttpMethod::Get, path::CALLBACK, &[TryLoginOff]),
    (HttpMethod::Get, path::HEALTH, &[]),
    (HttpMethod::Get, path::READY, &[]),
    (HttpMethod::Get, path::METRICS, &[]),
    (HttpMethod::Get, path::OPENAPI, &[]),
];

/// Adds the problems of each call to its operation.
pub(super) fn with_problems(mut document: OpenApi) -> OpenApi {
    for (method, path, problems) in PROBLEMS {
        let item = document.paths.paths.get_mut(*path);
        let operation = item.and_then(|item| match method {
            HttpMethod::Post => item.post.as_mut(),
            HttpMethod::Put => item.put.as_mut(),
            HttpMethod::Delete => item.delete.as_mut(),
            _ => item.get.as_mut(),
        });
        if let Some(operation) = operation {
            add_problems(operation, problems);
        }
    }
    document
}

pub(super) fn base() -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("From POST /v1/session")).build();
    let components = ComponentsBuilder::new()
        .schema("Problem", Problem::schema())
        .schema(ProblemCode::name(), ProblemCode::schema())
        .security_scheme("session", SecurityScheme::Http(bearer))
        .build();
    let mut info = Info::new("Flex HRM Connect", "1");
    info.description = Some("Takes employees of companies that use Flex HRM to a Visma Connect account.".to_owned());
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new::<_, _, String>("session", [])]))
        .build()
}

fn add_problems(operation: &mut Operation, problems: &[ProblemCode]) {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for problem in problems.iter().chain([&Unavailable]) {
        let statuses: &[u16] = if *problem == BodyInvalid { &[400, 413, 415] } else { &[problem.status()] };
        for status in statuses {
            by_status.entry(*status).or_default().push(problem.as_str());
        }
    }
    for (status, codes) in by_status {
        let list = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let mut response = ResponseBuilder::new().description(list).content(
            "application/problem+json",
            Content::new(Some(RefOr::<utoipa::openapi::Schema>::Ref(Ref::from_schema_name("Problem")))),
        );
        if status == 429 || status == 503 || codes.contains(&RequestInProgress.as_str()) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            response = response.header("Retry-After", HeaderBuilder::new().schema(Some(seconds)).build());
        }
        operation.responses.responses.insert(status.to_string(), response.build().into());
    }
}
