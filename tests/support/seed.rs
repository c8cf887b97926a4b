//! The sentences of the user's own document that stand on screens, letter for letter. `shared/product/seed.txt` is where
//! they come from; where it lies beside the project, a test compares them with it.

pub struct Screens {
    pub banner: &'static [&'static str],
    pub before: &'static [&'static str],
    pub sent: &'static [&'static str],
    pub done: &'static [&'static str],
}

const START: [&str; 2] = [
    "Enter your email address to get started.",
    "Before switching to our new login solution, you need a Visma Connect account. Enter and verify your email and we \
     will create an account for you. If you already have a Visma Connect account, you can use the same email address.",
];
const SENT: [&str; 2] =
    ["Check your inbox", "An email has been sent to anna.svensson@company.com to verify your email address"];
const DONE: [&str; 5] = [
    "You're all set!",
    "Your user is now linked to a Visma Connect account. You won't be able to use it to log in to Flex HRM just yet, but \
     your administrator will let you know when it's time!",
    "If you haven't used Visma Connect before and want to be fully prepared for the transition, you can go ahead and set \
     your password now via Visma Connect Account Settings. Just click the link below, enter your email address, and \
     select \"Forgot your password?\".",
    "Manage your account",
    "anna.svensson@company.com",
];

pub const DESKTOP: Screens = Screens {
    banner: &[
        "We are upgrading our login solution!",
        "Soon you will have a simpler and even more secure login in HRM with Visma Connect. To prepare your account, enter \
         and verify your email address under Account settings in My Profile.",
        "Go to Account settings",
        "Not right now",
    ],
    before: &[
        START[0],
        START[1],
        "Email",
        "Verify account",
        "Proposal:",
        "anna.svensson@company.com",
        "anna.svensson@user.com",
        "Code",
        "Verify code",
    ],
    sent: &[
        SENT[0],
        SENT[1],
        "Email",
        "Verify account",
        "Suggestions:",
        "anna.svensson@gmail.com",
        "Code",
        "Verify code",
    ],
    done: &[DONE[0], DONE[1], DONE[2], "Email", DONE[3], DONE[4], "https://accountsettings.connect.visma.com/"],
};

pub const MOBILE: Screens = Screens {
    banner: &["Connect your account"],
    before: &[
        "Visma Connect",
        START[0],
        START[1],
        "Email address",
        "Your email addresses",
        "anna.svensson@company.com",
        "anna.svensson@gmail.com",
        "Send verification code",
    ],
    sent: &[
        "Visma Connect",
        SENT[0],
        SENT[1],
        "Email address",
        "Your email addresses",
        "Send verification code",
        "Verification code",
        "Verify code",
    ],
    done: &[DONE[0], DONE[1], DONE[2], "Email", DONE[3], DONE[4], "accountsettings.connect.identity.visma.com/"],
};

/// Every sentence of both editions.
pub fn all() -> impl Iterator<Item = &'static str> {
    [DESKTOP, MOBILE].into_iter().flat_map(|one| [one.banner, one.before, one.sent, one.done]).flatten().copied()
}
