### $name (text) the customer's name
### $company (text) who asks
### $service (text) what was done for the customer

greeting = Hello { $name }, this is { $company }, an automated call about your { $service }. May I ask you two short questions?
greeting-again = May I ask you two short questions about your { $service }? Please say yes or no, or press 1 for yes, 2 for no, and 3 if we should call later.
who-is-calling = This is the automated assistant of { $company }.
rating = How satisfied are you, from 1 for not at all, to 5 for very much? You can say it or press a key.
rating-again = Please say or press a number from 1 to 5.
recommends = Would you recommend us? Please say yes or no, or press 1 for yes and 2 for no.
complaint = I am sorry that you were not satisfied. What went wrong?
thanks = Thank you for your time. Goodbye.
thanks-for-complaint = Thank you for telling us. A colleague will look into it. Goodbye.
goodbye-later = All right, we will call again later. Goodbye.
goodbye = All right. Goodbye.
language-changed = Sure, let us continue in English.
cannot-go-on = Sorry, we cannot go on with this call now. We will call again. Goodbye.
