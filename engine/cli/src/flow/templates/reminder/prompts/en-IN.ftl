### $name (text) the customer's name
### $company (text) in whose name the call is made
### $amount (money) what is due
### $due-date (date) the day it is due
### $day (date) the day on which the customer will pay
### $value (date) the day that was understood

greeting = Hello, this is an automated assistant. Am I speaking with { $name }?
who-is-calling = This is an automated assistant, about a personal matter that I may discuss with { $name } only.
identity-again = Am I speaking with { $name }? Please say yes or no, or press 1 for yes and 2 for no.
details = Thank you. I am calling from { $company }. Your payment of { $amount } is due on { $due-date }.
pay-day = On which day will you pay? You can say a date, or key in day and month.
pay-day-confirm = On { $value }, is that right?
pay-day-again = On which day will you pay? For the fifth of December you can say fifth December, or press 0 5 1 2.
promised = Thank you. We expect your payment on { $day }. Goodbye.
agent = Shall I connect you to a colleague? Please say yes or no, or press 1 for yes and 2 for no.
please-wait = Please wait while I connect you.
wrong-person = We are sorry to have disturbed you. Goodbye.
goodbye = All right. Thank you for your time. Goodbye.
goodbye-no-answer = We could not hear you, so we will call again. Goodbye.
language-changed = Sure, let us continue in English.
cannot-go-on = Sorry, we cannot go on with this call now. We will call again. Goodbye.
