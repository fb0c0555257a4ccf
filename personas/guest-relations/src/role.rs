//! Whom the script speaks as: what differs between a guest who calls and one who is called.

use serde::Deserialize;

/// From the operator, checked against the manifest.
#[derive(Deserialize)]
pub(crate) struct Settings {
    company: String,
    greeting: String,
    goodbye: String,
    outbound_greeting: String,
    outbound_goodbye: String,
    voicemail: String,
    transfer_to: String,
}

pub(crate) struct Role {
    settings: Settings,
    /// the guest was called
    outbound: bool,
}

impl Role {
    pub(crate) fn new(settings: Settings, outbound: bool) -> Self {
        Self { settings, outbound }
    }

    fn spoken(&self, text: &str) -> String {
        text.replace("{company}", &self.settings.company)
    }

    pub(crate) fn greeting(&self) -> String {
        let Settings { greeting, outbound_greeting, .. } = &self.settings;
        self.spoken(if self.outbound { outbound_greeting } else { greeting })
    }

    pub(crate) fn goodbye(&self) -> String {
        let Settings { goodbye, outbound_goodbye, .. } = &self.settings;
        self.spoken(if self.outbound { outbound_goodbye } else { goodbye })
    }

    /// None: a machine gets no message.
    pub(crate) fn voicemail(&self) -> Option<String> {
        let message = self.spoken(&self.settings.voicemail);
        (!message.trim().is_empty()).then_some(message)
    }

    /// Who can be reached; none: nobody.
    pub(crate) fn transfer_to(&self) -> Option<&str> {
        Some(self.settings.transfer_to.trim()).filter(|to| !to.is_empty())
    }

    pub(crate) fn instructions(&self) -> String {
        let task = if self.outbound {
            "with a guest whom you have called to follow up on a recent experience. Find out how it was, and \
             take the guest's feedback with sympathy. If it is a bad time, say that you are sorry to have \
             disturbed and end the call. Be concise and professional."
        } else {
            "with a guest who has called. Find out how the food is or was, and take their feedback with \
             sympathy."
        };
        format!(
            "You are a guest relations executive of {}, a food service and facilities company, on the \
             telephone {task} Your answers are spoken: answer in one short sentence of plain words, without \
             lists, symbols or special characters. Promise nothing that you cannot do.",
            self.settings.company
        )
    }
}
