# The EMI reminder in English. Amounts, dates and digits are spoken by the engine.
# Up to and including "identity", and in the apologies, nothing may hint at a loan, nor at a lender: a stranger may be listening. `$caller` is a
# name that tells neither; `$lender` is said to the customer alone.

### $name (text) the customer's name
### $bot-name (text) the name by which the bot introduces itself
### $caller (text) who calls, as a stranger may hear it
### $lender (text) the company in whose name it calls
### $loan-digits (digits) the last four digits of the loan's account
### $amount (money) what is due
### $due-date (date) the day it is due

## Who is it?

greeting = Hello, this is { $bot-name }, an automated assistant, calling from { $caller }. Am I speaking with { $name }?
who-is-calling = This is { $bot-name }, an automated assistant, calling from { $caller }. It is a personal matter, which I may discuss with { $name } only.
identity-again = Am I speaking with { $name }? Please say yes or no.
identity-before-agent = I can connect you to a colleague, as soon as I know whom I am speaking with.
identity-no-input = Hello, can you hear me? Am I speaking with { $name }? Please say yes or no, or press 1 for yes and 2 for no.
identity-no-match = Sorry, I did not understand that. Am I speaking with { $name }? Please say yes or no, or press 1 for yes and 2 for no.
okay = Okay.
language-changed = Sure, let us continue in English.

## The instalment

emi-details = Thank you. I am calling from { $lender } about your loan account ending in { $loan-digits }. Your EMI of { $amount } is due on { $due-date }.
emi-details-overdue = Thank you. I am calling from { $lender } about your loan account ending in { $loan-digits }. Your EMI of { $amount } was due on { $due-date }, and has not reached us yet.
disclosure = Please note: if the EMI is not paid in time, a late fee may be charged, and the delay may be reported to CIBIL, which can lower your credit score.

## Shall an agent help?

who-we-are = This is { $bot-name }, an automated assistant, calling on behalf of { $lender } about your loan.
transfer-question = Would you like to speak to one of our agents about this? You can say yes, no, or repeat.
transfer-no-input = Are you still there? Would you like to speak to an agent? Please say yes or no, or press 1 for yes, 2 for no, and 3 to hear the details again.
transfer-no-match = Sorry, I did not understand that. Would you like to speak to an agent? Please say yes or no, or press 1 for yes, 2 for no, and 3 to hear the details again.
please-wait = Thank you. Please wait while I connect you to an agent.

## The ends

apology-incomplete-data = Hello, this is { $bot-name }, an automated assistant, calling from { $caller }. We are sorry, we cannot continue this call at the moment. We apologise for the inconvenience. Goodbye.
apology-wrong-person = We are sorry to have disturbed you. Thank you for your time. Goodbye.
goodbye-call-later = All right, we will call you at another time. Thank you. Goodbye.
goodbye-declined = All right. Thank you for your time. Goodbye.
goodbye-do-not-call = All right, we have noted that you do not wish to be called again. Goodbye.
goodbye-no-answer = We could not hear you, so we will call again at another time. Goodbye.
goodbye-unclear = I am sorry that I could not understand you. We will call again at another time. Goodbye.
