### $name (text) the customer's name
### $company (text) who asks
### $service (text) what was done for the customer
### $bill (money) what they paid for it
### $topic (text) what a model says that a complaint is about

greeting = Hello, this is { $company }, an automated call. Am I speaking with { $name }?
identity-again = Am I speaking with { $name }? Please say yes or no, or press 1 for yes, 2 for no, and 3 if we should call later.
who-is-calling = This is the automated assistant of { $company }. We ask our customers how content they are.
wrong-person = Sorry for the disturbance. Goodbye.
rating = Thank you. You paid { $bill } for your { $service }. How satisfied are you with it, from 1 for not at all, to 5 for very much? You can say it or press a key.
rating-again = Please say or press a number from 1 to 5.
recommends = Would you recommend us? Please say yes or no, or press 1 for yes and 2 for no.
better = What should we do better?
one-moment = Thank you. One moment, please.
noted = We have noted: { $topic }.
thanks = Thank you for your time. Goodbye.
thanks-and-callback = A colleague will call you about it. Thank you for your time. Goodbye.
goodbye-later = All right, we will call again later. Goodbye.
goodbye-no-answer = We could not hear you, and will call again. Goodbye.
language-changed = Sure, let us continue in English.
cannot-go-on = Sorry, we cannot go on with this call now. We will call again. Goodbye.
