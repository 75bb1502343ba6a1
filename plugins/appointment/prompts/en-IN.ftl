### $name (text) the customer's name
### $clinic (text) where the appointment is
### $day (date) when it is

greeting = Hello { $name }, this is { $clinic }, an automated call. Your appointment is on { $day }. Will you come? You can say yes, no, or later.
who-is-calling = This is the automated assistant of { $clinic }.
attends-again = Will you come on { $day }? Please say yes or no, or press 1 for yes, 2 for no, and 3 if we should call again later.
code = Thank you. Please key in the four digits that we have sent to you.
code-again = Please key in the four digits of your code.
code-is-wrong = That is not the code that we have sent to you.
confirmed = Your appointment on { $day } is confirmed. Goodbye.
not-confirmed = We could not confirm your appointment. A colleague will call you. Goodbye.
reason = I am sorry to hear that. Would you tell me why?
cancelled = Thank you. Your appointment is cancelled. Goodbye.
goodbye-later = All right, we will call again later. Goodbye.
goodbye-no-answer = We could not hear you, and will call again. Goodbye.
language-changed = Sure, let us continue in English.
cannot-go-on = Sorry, we cannot go on with this call now. We will call again. Goodbye.
